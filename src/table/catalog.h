// The catalog: rows of definitions in the store, and the cache of decoded ones.
//
// Trees with fixed numbers hold it, so definitions are data: versioned, branched, logged, undone like
// everything else.
//   TREE_RELATIONS    oid (4 bytes big-endian)                    -> encoded definition
//   TREE_NAMES        schema oid, name                            -> oid, oid of the relation that holds it (of an index: its
//                                                                    table); relations and indexes share one name space
//   TREE_DEPENDENCIES referenced oid, dependent oid               -> empty
//   TREE_POSITIONS    source oid                                  -> opaque position, counters
//   TREE_SCHEMAS      oid                                         -> format version, owner (4 bytes), name
// User trees are numbered from TREE_FIRST_USER.
#pragma once

#include "table/change.h"
#include "table/relation.h"

enum {
  TREE_RELATIONS = 1,
  TREE_NAMES = 2,
  TREE_DEPENDENCIES = 3,
  TREE_POSITIONS = 4,
  TREE_SCHEMAS = 5,
  TREE_SOURCE_ERRORS = 6,
  TREE_ROLES = 16, // table/role.h
  TREE_ROLE_NAMES = 17,
  TREE_MEMBERS = 18,
  TREE_RIGHTS = 19,
  TREE_COMMENTS = 20, // table/comment.h
  TREE_ROLE_SETTINGS = 21, // table/role_setting.h
  TREE_FIRST_USER = 64,
};

struct catalog;
struct writer; // table/write.h

struct compile_input {
  const struct version *version;
  const struct relation *relation;
  const char *text;
  struct type want;
  struct arena *arena;
};

struct catalog_hooks {
  void *context;
  // Compiles an expression of the relation (a check, a default, an index's) over range 0 = the relation's row: its program
  // and tree live in the arena. For a default the result must be of the column's type.
  int (*compile)(void *context, const struct compile_input *input, struct expression_text *compiled, struct error *error);
};

// Engine lifetime. account is borrowed.
struct catalog *catalog_open(struct memory_account *account, const struct catalog_hooks *hooks);
void catalog_close(struct catalog *catalog);
// First start on an empty version: writes the built-in schemas.
int catalog_bootstrap(struct catalog *catalog, struct writer *writer, struct error *error);
// After recovery: sets the counters (object ids, tree numbers) behind the largest in use.
void catalog_recover(struct catalog *catalog, const struct version *version);

// table/right.h has who has which.
enum right {
  RIGHT_NONE = 0, // the caller asks
  RIGHT_SELECT = 1,
  RIGHT_INSERT = 2,
  RIGHT_UPDATE = 4,
  RIGHT_DELETE = 8,
  RIGHT_OWN = 16,
  RIGHT_TRUNCATE = 32,
  RIGHT_REFERENCES = 64,
  RIGHT_TRIGGER = 128,
  RIGHT_USAGE = 256,
  RIGHT_CREATE = 512,
  RIGHT_CONNECT = 1024,
  RIGHT_TEMPORARY = 2048,
};

// Who asks, and where names without a schema are looked up.
struct name_scope {
  uint32_t role;
  const uint32_t *search_path; // schema oids
  int search_path_count;
  uint32_t temporary;          // the session's own schema of temporary relations (pg_temp); others' are not to be seen
  struct read_mark *mark;      // the definitions that were looked at; may be NULL
};

// The one function that opens a relation: by session, name and right. schema NULL: the search path.
// Returns a relation that lives as long as its definition is in the cache, or pinned (relation_pin).
// right: RIGHT_OWN, or several of which one will do. 42P01 `relation "x" does not exist`, 3F000, 42501. Schemas of the search
// path that the role may not use are passed over. kinds: a string of the relkinds that will do, NULL: any
// (else 42809 in PostgreSQL's words, `"x" is not a table`). With missing_ok, no error: *relation is NULL.
// The name of an index, where kinds has an 'i', gives its table (relation_index then finds the index).
int catalog_find(struct catalog *catalog, const struct version *version, const struct name_scope *scope,
                 const char *schema, const char *name, const char *kinds, uint32_t right, bool missing_ok,
                 const struct relation **relation, struct error *error);
const struct relation *catalog_find_oid(struct catalog *catalog, const struct version *version, uint32_t oid);
// The tests of a domain, compiled in the arena. For an array of its values, of `type`, they are tests of each element.
int catalog_domain(struct catalog *catalog, const struct version *version, uint32_t oid, struct type type,
                   struct arena *arena, const struct domain_test **test, struct error *error);
// Oid of what has this name in the schema (a relation or an index), 0: nothing.
// The enum of this object id; NULL: there is none.
// NULL: there is no such type.
const struct row_type *catalog_row(struct catalog *catalog, const struct version *version, uint32_t oid,
                                   struct read_mark *mark);
const struct enum_type *catalog_enum(struct catalog *catalog, const struct version *version, uint32_t oid,
                                     struct read_mark *mark);
uint32_t catalog_name(struct catalog *catalog, const struct version *version, uint32_t schema_oid, const char *name);
// Drops from the cache what is neither pinned nor a definition of this version (the trunk): call it between statements
// after definitions have changed. Borrowed relations end here.
void catalog_collect(struct catalog *catalog, const struct version *version);
// Oid of a schema, 0: there is none.
uint32_t catalog_schema(struct catalog *catalog, const struct version *version, const char *name);
const char *catalog_schema_name(struct catalog *catalog, const struct version *version, uint32_t oid); // NULL
// Walks all relations of the version in oid order: start with *oid = 0; NULL behind the last.
const struct relation *catalog_next(struct catalog *catalog, const struct version *version, uint32_t *oid);

// A definition to be stored: fill a struct relation's public fields (arena of the caller), then create it.
// Assigns oid, tree numbers (of indexes too) and stamp; its key columns become NOT NULL, its checks are put in the
// order of their names (in which they are tested). 42P07 if the name is taken. A workflow, and a source without a key, get
// no tree.
int catalog_create(struct catalog *catalog, struct writer *writer, struct relation *definition, struct error *error);
// Replaces the definition of the same oid (its name may change). Where `tree` was set to 0, it and the new
// secondary indexes get fresh trees (table_build_index, table_rewrite fill them); trees that it no longer has are
// dropped with their rows.
int catalog_replace(struct catalog *catalog, struct writer *writer, struct relation *definition, struct error *error);
// Foreign keys that need this index of the relation: 2BP01 (what: "index i", "constraint c on table t"), or, with
// cascade, they go, a line for each in `dropped`.
int catalog_drop_needing(struct writer *writer, const struct relation *relation, const struct index *index,
                         const char *what, bool cascade, struct buffer *dropped);
// Deletes the definition, its names, dependencies and rows. 2BP01 if others depend on it and not cascade
// (cascade drops them too, and foreign keys to what goes; their names are appended to dropped, one a line, for the
// notice).
int catalog_drop(struct catalog *catalog, struct writer *writer, const struct relation *relation, bool cascade,
                 struct buffer *dropped, struct error *error);
// A relation's name as messages show it: with its schema unless that is on the writer's scope's path.
struct shown {
  char text[264];
};
struct shown catalog_shown(const struct writer *writer, const struct relation *relation);
// The same for several at once, which may depend on each other; the error is the writer's.
int catalog_drop_all(struct writer *writer, const struct relation *const *relations, int count, bool cascade,
                     struct buffer *dropped);
// The error of a relation or type, new or renamed, whose name another one has: they share one name space.
int catalog_name_taken(struct writer *writer, const struct relation *relation, const char *name);
// Definitions that depend on the type get fresh stamps, and so are compiled anew.
int catalog_touch_dependents(struct writer *writer, uint32_t type);
// Walks what depends on an object, in oid order: start with *after = 0; *dependent is NULL behind the last.
int catalog_dependent(struct writer *writer, uint32_t referenced, uint32_t *after, const struct relation **dependent);
// An index's expression as PostgreSQL's pretty form shows it; and as a part of a key, in parentheses unless it is a call.
void expression_append_pretty(const char *shown, struct buffer *out);
void expression_append_part(const char *shown, bool is_pretty, struct buffer *out);
// A modifiable deep copy of a definition, in the arena (for ALTER). NULL: out of memory.
struct relation *catalog_copy(const struct relation *relation, struct arena *arena);
// Lets another catalog, which another thread may use, know a relation of the version and those that refer to it, whose rows may
// change with its own: as they are here, compiled. Owner thread. False: out of memory.
bool catalog_share(struct catalog *from, const struct version *version, const struct relation *relation, struct catalog *to);
// A fresh hidden row number of a table; never the same twice, in any version of the store, nor in sides with a catalog of
// their own to which catalog_give_row_numbers has given enough of them (2^32; false: out of memory).
bool catalog_give_row_numbers(struct catalog *from, const struct version *version, const struct relation *relation,
                              struct catalog *to);
uint64_t catalog_row_number(struct catalog *catalog, const struct version *version, const struct relation *relation);
