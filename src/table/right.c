// Rights: their text, and who has which.
#include "table/right.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "table/internal.h"

// In the order in which PostgreSQL writes them.
static const struct { char letter; uint32_t right; const char *name; } rights[] = {
  {'a', RIGHT_INSERT, "INSERT"},   {'r', RIGHT_SELECT, "SELECT"},         {'w', RIGHT_UPDATE, "UPDATE"},
  {'d', RIGHT_DELETE, "DELETE"},   {'D', RIGHT_TRUNCATE, "TRUNCATE"},     {'x', RIGHT_REFERENCES, "REFERENCES"},
  {'t', RIGHT_TRIGGER, "TRIGGER"}, {'U', RIGHT_USAGE, "USAGE"},           {'C', RIGHT_CREATE, "CREATE"},
  {'T', RIGHT_TEMPORARY, "TEMPORARY"}, {'c', RIGHT_CONNECT, "CONNECT"},
};
enum { RIGHT_KINDS = sizeof rights / sizeof rights[0], DEFAULT_ITEMS = 2 };

uint32_t right_of_name(const char *name, size_t size)
{
  for (int i = 0; i < RIGHT_KINDS; i++)
    if (strlen(rights[i].name) == size && strncasecmp(rights[i].name, name, size) == 0)
      return rights[i].right;
  return size == 4 && strncasecmp(name, "temp", 4) == 0 ? RIGHT_TEMPORARY : 0;
}

const char *right_name(uint32_t right)
{
  for (int i = 0; i < RIGHT_KINDS; i++)
    if (rights[i].right == right)
      return rights[i].name;
  return "";
}

uint32_t rights_of_class(enum right_class class)
{
  switch (class) {
  case CLASS_TABLE:
  case CLASS_NEW_TABLE: return RIGHTS_OF_TABLE;
  case CLASS_SEQUENCE:
  case CLASS_NEW_SEQUENCE: return RIGHTS_OF_SEQUENCE;
  case CLASS_SCHEMA:
  case CLASS_NEW_SCHEMA: return RIGHTS_OF_SCHEMA;
  case CLASS_DATABASE: return RIGHTS_OF_DATABASE;
  case CLASS_WORKFLOW: break;
  }
  return 0;
}

// --- The text ------------------------------------------------------------------------------------

bool acl_next(const char **text, struct acl_item *item)
{
  if (!*text || !**text)
    return false;
  char *at;
  *item = (struct acl_item){.column = -1, .grantee = (uint32_t)strtoul(*text, &at, 10)};
  if (*at++ != '=')
    return false;
  for (; isalpha((unsigned char)*at); at++)
    for (int i = 0; i < RIGHT_KINDS; i++)
      if (rights[i].letter == *at) {
        item->rights |= rights[i].right;
        if (at[1] == '*') {
          item->options |= rights[i].right;
          at++;
          break;
        }
      }
  if (*at++ != '/')
    return false;
  item->grantor = (uint32_t)strtoul(at, &at, 10);
  if (*at == ':')
    item->column = (int)strtol(at + 1, &at, 10);
  *text = *at == ',' ? at + 1 : at;
  return true;
}

void acl_letters(uint32_t held, uint32_t options, struct buffer *out)
{
  for (int i = 0; i < RIGHT_KINDS; i++)
    if (held & rights[i].right) {
      buffer_append_u8(out, (uint8_t)rights[i].letter);
      if (options & rights[i].right)
        buffer_append_u8(out, '*');
    }
}

const char *acl_text(const struct acl_item *items, int count, struct arena *arena)
{
  struct buffer out = {0};
  for (int i = 0; i < count; i++) {
    const struct acl_item *item = &items[i];
    if (!item->rights)
      continue;
    buffer_format(&out, "%s%u=", out.size ? "," : "", item->grantee);
    acl_letters(item->rights, item->options, &out);
    buffer_format(&out, "/%u", item->grantor);
    if (item->column >= 0)
      buffer_format(&out, ":%d", item->column);
  }
  char *text = out.failed ? NULL : arena_copy(arena, out.size ? out.data : (const uint8_t *)"", out.size);
  buffer_deinit(&out);
  return text;
}

// --- Objects ---------------------------------------------------------------------------------------

struct right_object right_object_of(const struct relation *relation)
{
  return (struct right_object){
    .class = relation->kind == RELATION_SEQUENCE   ? CLASS_SEQUENCE
             : relation->kind == RELATION_WORKFLOW ? CLASS_WORKFLOW
                                                   : CLASS_TABLE,
    .oid = relation->oid,
    .owner = relation->owner,
    .acl = relation->acl,
  };
}

struct object_key {
  uint8_t bytes[5];
};

static struct object_key object_key(enum right_class class, uint32_t oid)
{
  struct object_key key;
  key.bytes[0] = (uint8_t)class;
  put_be32(key.bytes + 1, oid);
  return key;
}

uint32_t schema_owner(const struct version *version, uint32_t schema)
{
  uint8_t key[4];
  struct bytes row;
  put_be32(key, schema);
  return tree_get(version, TREE_SCHEMAS, bytes_of(key, 4), &row, NULL) && row.size >= 5 ? get_le32(row.data + 1)
                                                                                        : (uint32_t)ROLE_OWNER;
}

bool right_object_find(const struct version *version, enum right_class class, uint32_t oid, struct arena *arena,
                       struct right_object *object)
{
  struct object_key key = object_key(class, oid);
  struct bytes row;
  *object = (struct right_object){.class = class, .oid = oid};
  object->owner = class == CLASS_SCHEMA ? schema_owner(version, oid) : (uint32_t)ROLE_OWNER;
  if (tree_get(version, TREE_RIGHTS, bytes_of(key.bytes, sizeof key.bytes), &row, NULL))
    return (object->acl = arena_copy(arena, row.data, row.size)) != NULL;
  return true;
}

int rights_put(struct writer *writer, enum right_class class, uint32_t oid, const char *text)
{
  size_t mark = change_mark(writer->changes);
  struct object_key key = object_key(class, oid);
  struct bytes at = bytes_of(key.bytes, sizeof key.bytes);
  int status = text ? write_put(writer, TREE_RIGHTS, 0, PUT_ANY, at, bytes_of_string(text), NULL)
                    : write_delete(writer, TREE_RIGHTS, 0, at);
  if (status < 0)
    return write_undo(writer, mark, status);
  version_touch_definitions(writer->version);
  return STATUS_OK;
}

// What everyone may do where nothing was granted.
static uint32_t public_rights(const struct right_object *object)
{
  if (object->class == CLASS_DATABASE)
    return RIGHT_CONNECT | RIGHT_TEMPORARY;
  bool is_built_in = object->class == CLASS_SCHEMA && object->oid < OID_FIRST_USER;
  return is_built_in ? RIGHT_USAGE : 0;
}

static int default_items(const struct right_object *object, struct acl_item items[DEFAULT_ITEMS])
{
  int count = 0;
  uint32_t all = rights_of_class(object->class), everyone = public_rights(object);
  if (all)
    items[count++] = (struct acl_item){.grantee = object->owner, .grantor = object->owner, .column = -1, .rights = all};
  if (everyone)
    items[count++] = (struct acl_item){.grantee = ROLE_PUBLIC, .grantor = object->owner, .column = -1, .rights = everyone};
  return count;
}

struct acl_item *acl_items(const struct right_object *object, int more, int *count, struct arena *arena)
{
  struct acl_item item;
  int room = DEFAULT_ITEMS;
  for (const char *text = object->acl; acl_next(&text, &item);)
    room++;
  struct acl_item *items = ARENA_ARRAY(arena, struct acl_item, room + more);
  *count = 0;
  if (!items)
    return NULL;
  if (!object->acl)
    *count = default_items(object, items);
  for (const char *text = object->acl; acl_next(&text, &item);)
    items[(*count)++] = item;
  return items;
}

// --- New objects ---------------------------------------------------------------------------------------

static void merge_item(struct acl_item *items, int *count, const struct acl_item *given)
{
  for (int i = 0; i < *count; i++)
    if (items[i].grantee == given->grantee && items[i].grantor == given->grantor) {
      items[i].rights |= given->rights;
      items[i].options |= given->options;
      return;
    }
  items[(*count)++] = *given;
}

int rights_of_new(const struct version *version, enum right_class class, uint32_t owner, uint32_t schema,
                  struct arena *arena, const char **acl)
{
  enum right_class kind = class == CLASS_TABLE      ? CLASS_NEW_TABLE
                          : class == CLASS_SEQUENCE ? CLASS_NEW_SEQUENCE
                                                    : CLASS_NEW_SCHEMA;
  struct right_object defaults, object = {.class = class, .oid = OID_FIRST_USER, .owner = owner};
  struct acl_item item;
  int more = 0, count;
  *acl = NULL;
  if (!right_object_find(version, kind, owner, arena, &defaults))
    return STATUS_LIMIT;
  for (const char *text = defaults.acl; acl_next(&text, &item);)
    more += item.column < 0 || (uint32_t)item.column == schema;
  struct acl_item *items = more ? acl_items(&object, more, &count, arena) : NULL;
  if (more && !items)
    return STATUS_LIMIT;
  for (const char *text = defaults.acl; more && acl_next(&text, &item);)
    if (item.column < 0 || (uint32_t)item.column == schema) {
      item.column = -1;
      item.grantor = owner;
      merge_item(items, &count, &item);
    }
  return !more || (*acl = acl_text(items, count, arena)) ? STATUS_OK : STATUS_LIMIT;
}

// --- Who has which -------------------------------------------------------------------------------------

// Walks the items that hold, those of the default where nothing was granted.
struct item_walk {
  const char *text;
  struct acl_item defaults[DEFAULT_ITEMS];
  int count, at;
};

static struct item_walk walk_items(const struct right_object *object)
{
  struct item_walk walk = {.text = object->acl};
  if (!object->acl)
    walk.count = default_items(object, walk.defaults);
  return walk;
}

static bool next_item(struct item_walk *walk, struct acl_item *item)
{
  if (walk->text)
    return acl_next(&walk->text, item);
  if (walk->at == walk->count)
    return false;
  *item = walk->defaults[walk->at++];
  return true;
}

static bool is_for(const struct version *version, uint32_t role, uint32_t grantee, struct read_mark *mark)
{
  return grantee == ROLE_PUBLIC || grantee == role || role_has(version, role, grantee, mark);
}

// What PostgreSQL's roles for all data may do.
static uint32_t rights_on_all_data(const struct version *version, uint32_t role, const struct right_object *object,
                                   struct read_mark *mark)
{
  uint32_t held = 0;
  bool is_data = object->class == CLASS_TABLE || object->class == CLASS_SEQUENCE;
  if (!is_data && object->class != CLASS_SCHEMA)
    return 0;
  if (role_has(version, role, ROLE_READ_ALL_DATA, mark))
    held |= is_data ? RIGHT_SELECT : RIGHT_USAGE;
  if (role_has(version, role, ROLE_WRITE_ALL_DATA, mark))
    held |= !is_data ? RIGHT_USAGE : object->class == CLASS_TABLE ? RIGHT_INSERT | RIGHT_UPDATE | RIGHT_DELETE : RIGHT_UPDATE;
  return held;
}

uint32_t rights_held(const struct version *version, uint32_t role, const struct right_object *object, int column,
                     struct read_mark *mark)
{
  uint32_t all = rights_of_class(object->class);
  if (role_is_superuser(version, role, mark))
    return all;
  uint32_t held = 0;
  struct item_walk walk = walk_items(object);
  for (struct acl_item item; next_item(&walk, &item);)
    if ((item.column < 0 || item.column == column) && (item.rights & ~held) && is_for(version, role, item.grantee, mark))
      held |= item.rights;
  return held | rights_on_all_data(version, role, object, mark);
}

uint32_t rights_grantable(const struct version *version, uint32_t role, const struct right_object *object, int column,
                          struct read_mark *mark)
{
  if (role_has(version, role, object->owner, mark))
    return rights_of_class(object->class);
  uint32_t held = 0;
  struct item_walk walk = walk_items(object);
  for (struct acl_item item; next_item(&walk, &item);)
    if ((item.column < 0 || item.column == column) && item.options && is_for(version, role, item.grantee, mark))
      held |= item.options;
  return held;
}

bool right_on_any_column(const struct version *version, uint32_t role, const struct right_object *object, uint32_t right,
                         struct read_mark *mark)
{
  if (rights_held(version, role, object, -1, mark) & right)
    return true;
  struct item_walk walk = walk_items(object);
  for (struct acl_item item; next_item(&walk, &item);)
    if (item.column >= 0 && (item.rights & right) && is_for(version, role, item.grantee, mark))
      return true;
  return false;
}

// --- Asking --------------------------------------------------------------------------------------------

uint32_t schema_rights(const struct version *version, uint32_t role, uint32_t schema, struct read_mark *mark)
{
  if (schema_is_temporary(schema) || role_is_superuser(version, role, mark))
    return RIGHTS_OF_SCHEMA;
  struct arena arena;
  struct right_object object;
  arena_init(&arena, NULL);
  uint32_t held = right_object_find(version, CLASS_SCHEMA, schema, &arena, &object)
                      ? rights_held(version, role, &object, -1, mark)
                      : 0;
  arena_deinit(&arena);
  return held;
}

int schema_require(struct catalog *catalog, const struct version *version, uint32_t role, uint32_t schema, uint32_t right,
                   struct read_mark *mark, struct error *error)
{
  if (role == ROLE_OWNER || (schema_rights(version, role, schema, mark) & right))
    return STATUS_OK;
  const char *name = catalog_schema_name(catalog, version, schema);
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for schema %s", name ? name : "?");
}

int relation_denied(const struct relation *relation, struct error *error)
{
  return error_set(error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for %s %s", relation_kind_name(relation->kind),
                   relation->name);
}

int relation_require(const struct version *version, uint32_t role, const struct relation *relation, uint32_t wanted,
                     struct read_mark *mark, struct error *error)
{
  struct right_object object = right_object_of(relation);
  bool may = role == ROLE_OWNER || (rights_held(version, role, &object, -1, mark) & wanted);
  return may ? STATUS_OK : relation_denied(relation, error);
}
