// Definitions: tables, sources, indexes, workflows, views, as the engine uses them.
//
// A definition is a row of the catalog (table/catalog.h); a struct relation is that row, decoded. It is
// immutable and counted; workers may read it. Its expressions are kept as SQL text and compiled when it
// is loaded, by the hook that sql/ gives (the catalog itself does not know SQL).
#pragma once

#include "data/enum.h"
#include "data/key.h"
#include "data/record.h"
#include "data/schema.h"
#include "expr/domain.h"
#include "expr/program.h"
#include "store/store.h"

enum relation_kind { // as in pg_class.relkind where PostgreSQL has the kind
  RELATION_TABLE = 'r',
  RELATION_INDEX = 'i',
  RELATION_VIEW = 'v',
  RELATION_SEQUENCE = 'S',
  RELATION_SOURCE = 'f', // shown as a foreign table
  RELATION_WORKFLOW = 'w',
  RELATION_SINK = 'k', // its rows are those that wait: the outbox
  RELATION_TYPE = 'T', // made by a user; it has no rows, and its name is none of a relation's
};

enum type_kind { TYPE_IS_ENUM = 'e', TYPE_IS_DOMAIN = 'd', TYPE_IS_COMPOSITE = 'c' }; // as in pg_type.typtype

enum { SCHEMA_PG_CATALOG = 11, SCHEMA_PUBLIC = 2200, SCHEMA_QUERN = 12000, SCHEMA_INFORMATION = 13000 };
// Of a session's temporary relations: this and the session's number (table/temporary.h).
enum { SCHEMA_TEMPORARY = 0x70000000, SESSION_NUMBERS = 0x0fffffff };
static inline bool schema_is_temporary(uint32_t oid) { return oid >= SCHEMA_TEMPORARY; }
enum { ROLE_OWNER = 10 }; // the role that is there from the beginning (table/role.h)
enum { OID_FIRST_USER = 16384 };

struct node;

struct expression_text {
  const char *text;               // SQL; NULL: none
  const struct program *program;  // compiled over range 0 = the row; NULL until compiled
  const struct node *node;        // the same as a tree; NULL until compiled
  const char *shown;              // of indexes and generated columns: as PostgreSQL shows it
};

struct constraint {
  char name[64];
  struct expression_text check;
  bool is_not_valid; // NOT VALID: rows that were there before may break it
};

struct index {
  uint32_t oid;
  char name[64];
  tree_number tree;
  bool is_unique;
  bool is_primary;     // the primary key's own entry (its tree is the table's; only the name and columns matter)
  bool is_constraint;  // made by UNIQUE or PRIMARY KEY
  bool is_primary_apart; // of a PRIMARY KEY DEFERRABLE: rows lie under hidden numbers, and this tree is its own
  bool is_deferrable;  // two rows may have its key for a while: until the end of the statement, or of the transaction
  bool is_deferred;    // … unless SET CONSTRAINTS says otherwise, of the transaction
  bool nulls_are_equal; // NULLS NOT DISTINCT
  bool is_computed;     // has expressions or a predicate: index_compute before its key is made
  bool is_partial;      // has only the rows for which its predicate holds
  uint16_t predicate;   // of a partial index: number of its expression (below)
  int part_count;
  struct key_part *parts; // declared columns and expressions; the tree's key is these and then the primary key
  int include_count;
  uint16_t *includes; // INCLUDE: told, and of no effect, for a row is found by its primary key
  int read_count;
  uint16_t *reads; // the columns that expressions and predicate read; there when they are compiled
};

enum foreign_action { // as in pg_constraint.confdeltype
  FOREIGN_NO_ACTION = 'a',
  FOREIGN_RESTRICT = 'r',
  FOREIGN_CASCADE = 'c',
  FOREIGN_SET_NULL = 'n',
  FOREIGN_SET_DEFAULT = 'd',
};

struct foreign_key {
  uint32_t oid;
  char name[64];
  uint32_t referenced_oid;  // the table, which may be its own
  uint32_t index_oid;       // the unique index or primary key of it that has just the referenced columns
  int part_count;
  uint16_t *columns;            // of this table
  uint16_t *referenced_columns; // of the other, in the same order
  bool is_full;                 // MATCH FULL, otherwise SIMPLE
  enum foreign_action on_delete, on_update;
  int delete_column_count;      // of ON DELETE SET NULL | DEFAULT (columns); 0: all
  uint16_t *delete_columns;
  bool is_deferrable, is_deferred; // as of struct index
  bool is_not_valid;               // NOT VALID: rows that were there before may break it
};

// A sequence. Its tree has one row, with the last value that the log covers; the live counter is the catalog's
// (table/sequence.h). RESTART gives it a fresh tree, and so a counter that is undone with the transaction.
struct sequence {
  enum type_id type; // smallint, integer, bigint
  int64_t start, increment, minimum, maximum, cache;
  bool is_cycled;
  uint32_t owner;        // the table whose column owns it, and it is dropped with; 0: none
  uint16_t owner_column;
};

enum on_commit { ON_COMMIT_PRESERVE, ON_COMMIT_DELETE, ON_COMMIT_DROP }; // of temporary tables

struct option {
  const char *name;  // lower case, dots kept: "connector", "id.kind"
  const char *value; // text as given
};

struct relation {
  uint32_t oid;
  uint32_t schema_oid;
  char name[64];
  enum relation_kind kind;
  uint32_t owner;
  uint64_t stamp;      // differs for every change of the definition
  const char *acl;     // rights, as text; NULL: the owner's alone
  // Tables and keyed sources
  struct schema schema;       // newest version; rows of older versions are converted when they are read (relation_row)
  tree_number tree;           // 0: keeps no rows (workflow, source without a key)
  int key_count;              // 0: hidden row number, 8 bytes big-endian
  struct key_part *key;
  int index_count;
  struct index *indexes;      // secondary indexes, and the primary key's own entry
  int check_count;
  struct constraint *checks;
  int foreign_key_count;
  struct foreign_key *foreign_keys;
  int referencing_count;
  uint32_t *referencing;      // tables with foreign keys to this one, ascending; kept by catalog_create and its kin
  struct expression_text *defaults; // one a column
  enum on_commit on_commit;
  // Expressions of indexes, their predicates among them, are columns behind those of the schema: schema.columns has their
  // names and types there, and parts of indexes their numbers. No row has them (index_compute).
  int expression_count;
  struct expression_text *expressions;
  struct sequence sequence;   // of a sequence
  struct row_type row;        // what its rows are as values: of tables, views and composite types
  // Types. A composite type's attributes are its columns. A domain is its one column, `value`: its type, NOT NULL, default, and checks of VALUE
  enum type_kind type_kind;
  struct enum_type labels;    // of an enum
  // Sources, workflows, sinks
  int option_count;
  struct option *options;
  const char *text;           // a workflow's or view's statements, a sink's SELECT, as they were given; NULL
  const char *state;          // 'running', 'paused'; NULL for what has no state
  // Oids that this one depends on: a workflow's or sink's source first, then its tables; an owned sequence's table
  int dependency_count;
  uint32_t *dependencies;
  // The rest is the catalog's.
  int references;
  bool is_compiled;    // every expression has its program
  bool has_generated;  // has generated columns
  bool has_domains;    // some column is of a domain
  const struct domain_test **domains; // where it is compiled: one a column, NULL for those of none
  bool has_secondary;  // has an index beside the primary key's own entry
  bool is_checked_late; // has constraints that are checked behind the change of a row (table/late.c)
  struct arena arena;
};

// Option by name, NULL if it is not there.
const char *relation_option(const struct relation *relation, const char *name);
static inline bool relation_is_temporary(const struct relation *relation) { return schema_is_temporary(relation->schema_oid); }
// The type that a column needs and a user made: its domain, else its enum or composite type or that of its elements; 0: none.
uint32_t column_user_type(const struct column *column);
// Is there a type of its rows?
static inline bool relation_has_row_type(const struct relation *relation)
{
  return relation->kind == RELATION_TABLE || relation->kind == RELATION_VIEW || relation->kind == RELATION_SOURCE ||
         (relation->kind == RELATION_TYPE && relation->type_kind == TYPE_IS_COMPOSITE);
}
static inline enum type_id relation_row_type(const struct relation *relation)
{
  return (enum type_id)(relation->oid | TYPE_USER_ROW);
}
// Column number by name, -1 if there is none.
int relation_column(const struct relation *relation, const char *name);
// The index of this name, NULL if there is none; and the primary key's own entry, which a deferrable key does not have.
const struct index *relation_index(const struct relation *relation, const char *name);
const struct index *relation_primary(const struct relation *relation);
// Has it a constraint of this name, of any kind?
bool relation_has_constraint(const struct relation *relation, const char *name);
const struct foreign_key *relation_foreign_key(const struct relation *relation, const char *name);
// Is this column, of a part of an index, an expression? Its text; and the columns that a row of values needs for all of them.
static inline bool relation_is_expression(const struct relation *relation, int column) { return column >= relation->schema.column_count; }
static inline const struct expression_text *relation_expression(const struct relation *relation, int column)
{
  return &relation->expressions[column - relation->schema.column_count];
}
static inline int relation_width(const struct relation *relation) { return relation->schema.column_count + relation->expression_count; }
// Does what the index has of a row hang on this column?
bool index_reads(const struct index *index, int column);
static inline bool index_is_primary_key(const struct index *index) { return index->is_primary || index->is_primary_apart; }
// All values of a row, borrowed from it (one a column of the schema). A row of an older version of the schema is
// converted; XX001 when it has a version that this definition does not know.
int relation_row(const struct relation *relation, struct bytes row, struct value *values, struct error *error);
// "table", "source", …: as messages call the kind.
const char *relation_kind_name(enum relation_kind kind);
// Counted references; only the owner thread of the engine changes them.
struct relation *relation_pin(const struct relation *relation);
void relation_unpin(const struct relation *relation);
