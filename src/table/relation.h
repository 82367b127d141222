// Definitions: tables, sources, indexes, workflows, views, as the engine uses them.
//
// A definition is a row of the catalog (table/catalog.h); a struct relation is that row, decoded. It is
// immutable and counted; workers may read it. Its expressions are kept as SQL text and compiled when it
// is loaded, by the hook that sql/ gives (the catalog itself does not know SQL).
#pragma once

#include "data/key.h"
#include "data/schema.h"
#include "expr/program.h"
#include "store/store.h"

enum relation_kind { // as in pg_class.relkind where PostgreSQL has the kind
  RELATION_TABLE = 'r',
  RELATION_INDEX = 'i',
  RELATION_VIEW = 'v',
  RELATION_SEQUENCE = 'S',
  RELATION_SOURCE = 'f', // shown as a foreign table
  RELATION_WORKFLOW = 'w',
};

enum { SCHEMA_PG_CATALOG = 11, SCHEMA_PUBLIC = 2200, SCHEMA_QUERN = 12000, SCHEMA_INFORMATION = 13000 };
enum { ROLE_OWNER = 10 }; // the one role until roles exist
enum { OID_FIRST_USER = 16384 };

struct expression_text {
  const char *text;               // SQL; NULL: none
  const struct program *program;  // compiled over range 0 = the row; NULL until compiled
};

struct constraint {
  char name[64];
  struct expression_text check;
};

struct index {
  uint32_t oid;
  char name[64];
  tree_number tree;
  bool is_unique;
  bool is_primary;     // the primary key's own entry (its tree is the table's; only the name and columns matter)
  bool is_constraint;  // made by UNIQUE or PRIMARY KEY
  int part_count;
  struct key_part *parts; // declared columns; the tree's key is these and then the primary key
};

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
  struct expression_text *defaults; // one a column
  // Sources, workflows
  int option_count;
  struct option *options;
  const char *text;           // a workflow's or view's statements as they were given; NULL
  const char *state;          // 'running', 'paused'; NULL for what has no state
  // Oids that this one depends on: a workflow's source first, then its tables
  int dependency_count;
  uint32_t *dependencies;
  // The rest is the catalog's.
  int references;
  bool is_compiled;    // every expression has its program
  bool has_secondary;  // has an index beside the primary key's own entry
  struct arena arena;
};

// Option by name, NULL if it is not there.
const char *relation_option(const struct relation *relation, const char *name);
// Column number by name, -1 if there is none.
int relation_column(const struct relation *relation, const char *name);
// The index of this name, NULL if there is none; and the primary key's own entry.
const struct index *relation_index(const struct relation *relation, const char *name);
const struct index *relation_primary(const struct relation *relation);
// All values of a row, borrowed from it (one a column of the schema). A row of an older version of the schema is
// converted; XX001 when it has a version that this definition does not know.
int relation_row(const struct relation *relation, struct bytes row, struct value *values, struct error *error);
// "table", "source", …: as messages call the kind.
const char *relation_kind_name(enum relation_kind kind);
// Counted references; only the owner thread of the engine changes them.
struct relation *relation_pin(const struct relation *relation);
void relation_unpin(const struct relation *relation);
