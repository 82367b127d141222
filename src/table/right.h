// Rights: what roles may do with relations, columns and schemas. They are kept as text, of a relation with its definition
// (relation->acl), of others in TREE_RIGHTS: items with commas between them, each "grantee=letters/grantor", and behind it
// ":column" where it is about one. The letters are PostgreSQL's; a * behind one is its grant option. Grantee 0 is PUBLIC.
// No text: what belongs to the owner, and by default to PUBLIC.
#pragma once

#include "table/role.h"

enum right_class {
  CLASS_TABLE = 't', // and sources, views, sinks
  CLASS_SEQUENCE = 's',
  CLASS_WORKFLOW = 'w', // has no rights beside its owner's
  CLASS_SCHEMA = 'n',
  CLASS_DATABASE = 'd',
  // ALTER DEFAULT PRIVILEGES: what of a role's will have, its number in the place of the object's. An item's column is
  // the schema in which it holds; -1: in all.
  CLASS_NEW_TABLE = 'T',
  CLASS_NEW_SEQUENCE = 'S',
  CLASS_NEW_SCHEMA = 'N',
};

enum {
  RIGHTS_OF_TABLE = RIGHT_INSERT | RIGHT_SELECT | RIGHT_UPDATE | RIGHT_DELETE | RIGHT_TRUNCATE | RIGHT_REFERENCES | RIGHT_TRIGGER,
  RIGHTS_OF_COLUMN = RIGHT_INSERT | RIGHT_SELECT | RIGHT_UPDATE | RIGHT_REFERENCES,
  RIGHTS_OF_SEQUENCE = RIGHT_SELECT | RIGHT_UPDATE | RIGHT_USAGE,
  RIGHTS_OF_SCHEMA = RIGHT_USAGE | RIGHT_CREATE,
  RIGHTS_OF_DATABASE = RIGHT_CREATE | RIGHT_CONNECT | RIGHT_TEMPORARY,
};

struct acl_item {
  uint32_t grantee, grantor;
  int column; // -1: the whole
  uint32_t rights, options;
};

// What has rights: a relation, a schema, the database.
struct right_object {
  enum right_class class;
  uint32_t oid, owner;
  const char *acl; // NULL: as by default; borrowed
};
struct right_object right_object_of(const struct relation *relation);
// acl is copied to the arena. False: out of memory.
bool right_object_find(const struct version *version, enum right_class class, uint32_t oid, struct arena *arena,
                       struct right_object *object);
uint32_t rights_of_class(enum right_class class); // all that there are

// Takes the next item off the text. False: none is left, or it is malformed.
bool acl_next(const char **text, struct acl_item *item);
// The items that the object has, those of the default included, room for `more` behind them. NULL: out of memory.
struct acl_item *acl_items(const struct right_object *object, int more, int *count, struct arena *arena);
const char *acl_text(const struct acl_item *items, int count, struct arena *arena); // NULL: out of memory
void acl_letters(uint32_t rights, uint32_t options, struct buffer *out);
// The right of this name (in any case), 0: there is none; and its name.
uint32_t right_of_name(const char *name, size_t size);
const char *right_name(uint32_t right);

// What the role may do with the whole of it, or with a column (then what it may do with the whole is in it). By being
// superuser, by owning it, by grants to it, to PUBLIC, and to roles whose rights it has.
uint32_t rights_held(const struct version *version, uint32_t role, const struct right_object *object, int column,
                     struct read_mark *mark);
// Of those, which it may grant on.
uint32_t rights_grantable(const struct version *version, uint32_t role, const struct right_object *object, int column,
                          struct read_mark *mark);
// Is there any column with which it may do this?
bool right_on_any_column(const struct version *version, uint32_t role, const struct right_object *object, uint32_t right,
                         struct read_mark *mark);

uint32_t schema_rights(const struct version *version, uint32_t role, uint32_t schema, struct read_mark *mark);
// The owner of a schema as its row says.
uint32_t schema_owner(const struct version *version, uint32_t schema);
// 42501: "permission denied for schema s".
int schema_require(struct catalog *catalog, const struct version *version, uint32_t role, uint32_t schema, uint32_t right,
                   struct read_mark *mark, struct error *error);
// 42501: "permission denied for table t" unless the role has one of these rights with the whole of it.
int relation_require(const struct version *version, uint32_t role, const struct relation *relation, uint32_t rights,
                     struct read_mark *mark, struct error *error);
int relation_denied(const struct relation *relation, struct error *error);
// Of an object that is no relation. text NULL: as by default.
// *acl: what a new object of the owner's has beside what is usual; NULL: nothing.
int rights_of_new(const struct version *version, enum right_class class, uint32_t owner, uint32_t schema,
                  struct arena *arena, const char **acl);
int rights_put(struct writer *writer, enum right_class class, uint32_t oid, const char *text);
