// Rights in the catalog: relacl and its kin as PostgreSQL writes them, and has_table_privilege and its kin.
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "sql/system_internal.h"
#include "table/right.h"

// --- aclitem[] ------------------------------------------------------------------------------------------

static void append_role(const struct system_context *context, uint32_t oid, struct buffer *out)
{
  char name[64];
  if (oid == ROLE_PUBLIC)
    return;
  system_role_name(context, oid, name);
  bool is_plain = true;
  for (const char *at = name; *at; at++)
    is_plain &= isalnum((unsigned char)*at) || *at == '_';
  if (!is_plain)
    buffer_append_u8(out, '"');
  for (const char *at = name; *at; at++) {
    if (*at == '"')
      buffer_append_u8(out, '"');
    buffer_append_u8(out, (uint8_t)*at);
  }
  if (!is_plain)
    buffer_append_u8(out, '"');
}

// As an element of an array in text form.
static void append_element(struct bytes item, struct buffer *out)
{
  buffer_append_u8(out, '"');
  for (size_t i = 0; i < item.size; i++) {
    if (item.data[i] == '"' || item.data[i] == '\\')
      buffer_append_u8(out, '\\');
    buffer_append_u8(out, item.data[i]);
  }
  buffer_append_u8(out, '"');
}

struct value system_acl(const struct system_context *context, struct row_sink *sink, const char *acl, int column)
{
  struct buffer text = {0}, element = {0};
  struct value value = value_null();
  struct acl_item item;
  buffer_append_u8(&text, '{');
  while (acl_next(&acl, &item)) {
    if (item.column != column)
      continue;
    buffer_clear(&element);
    append_role(context, item.grantee, &element);
    buffer_append_u8(&element, '=');
    acl_letters(item.rights, item.options, &element);
    buffer_append_u8(&element, '/');
    append_role(context, item.grantor, &element);
    if (text.size > 1)
      buffer_append_u8(&text, ',');
    append_element(buffer_bytes(&element), &text);
  }
  bool has_items = text.size > 1;
  buffer_append_u8(&text, '}');
  if (has_items && !text.failed && !element.failed &&
      value_from_text(type_plain(TYPE_TEXT_ARRAY), buffer_bytes(&text), &format_settings_default, sink->arena, &value, NULL))
    value = value_null();
  buffer_deinit(&text);
  buffer_deinit(&element);
  return value;
}

// --- Questions -----------------------------------------------------------------------------------------

// "has_table_privilege:no": by name or number the role (if one is given) and the object are said.
struct question {
  struct system_context *system;
  struct evaluation *evaluation;
  const char *kinds;             // behind the colon: 'n' a name, 'o' a number, one an argument but the last
  const struct value *arguments; // those that are left
  uint32_t role;
  struct bytes rights;           // "SELECT, INSERT WITH GRANT OPTION"
  struct value *result;
};

static int missing(struct question *question, const char *sqlstate, const char *what, struct bytes name)
{
  return error_set(question->evaluation->error, sqlstate, "%s \"%.*s\" does not exist", what, (int)name.size,
                   (const char *)name.data);
}

static struct bytes next_argument(struct question *question, char *kind, uint32_t *oid)
{
  const struct value *value = question->arguments++;
  *kind = *question->kinds++;
  *oid = *kind == 'o' ? (uint32_t)value->integer : 0;
  return *kind == 'o' ? (struct bytes){0} : bytes_of(value->data, value->size);
}

// 0: found; 1: by a number that is none's, and the answer is NULL.
static int take_role(struct question *question)
{
  char kind, name[64];
  struct role role;
  struct bytes text = next_argument(question, &kind, &question->role);
  if (kind == 'o')
    return 0;
  snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
  if (strcmp(name, "public") == 0)
    question->role = ROLE_PUBLIC;
  else if (!role_find_name(question->system->version, name, NULL, &role))
    return missing(question, SQLSTATE_UNDEFINED_OBJECT, "role", text);
  else
    question->role = role.oid;
  return 0;
}

// Takes the next right of the list off it. False: the list is at its end.
static bool next_right(struct question *question, struct bytes *name, bool *with_option)
{
  static const char option[] = " with grant option";
  struct bytes *list = &question->rights;
  if (!list->size)
    return false;
  const uint8_t *comma = memchr(list->data, ',', list->size);
  struct bytes part = bytes_of(list->data, comma ? (size_t)(comma - list->data) : list->size);
  *list = comma ? bytes_of(comma + 1, list->size - part.size - 1) : (struct bytes){0};
  while (part.size && part.data[0] == ' ')
    part = bytes_of(part.data + 1, part.size - 1);
  while (part.size && part.data[part.size - 1] == ' ')
    part.size--;
  size_t size = sizeof option - 1;
  *with_option = part.size > size && strncasecmp((const char *)part.data + part.size - size, option, size) == 0;
  part.size -= *with_option ? size : 0;
  *name = part;
  return true;
}

static int unknown_right(struct question *question, struct bytes name)
{
  return error_set(question->evaluation->error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized privilege type: \"%.*s\"",
                   (int)name.size, (const char *)name.data);
}

// Has it any of the rights? any_column: on whichever column.
static int answer(struct question *question, const struct right_object *object, int column, bool any_column)
{
  const struct version *version = question->system->version;
  struct bytes name;
  bool with_option, may = false;
  while (next_right(question, &name, &with_option)) {
    uint32_t right = right_of_name((const char *)name.data, name.size);
    if (!right || !(right & (column >= 0 || any_column ? (uint32_t)RIGHTS_OF_COLUMN : rights_of_class(object->class))))
      return unknown_right(question, name);
    uint32_t held = with_option ? rights_grantable(version, question->role, object, column, NULL)
                                : rights_held(version, question->role, object, column, NULL);
    may |= (held & right) || (any_column && !with_option && right_on_any_column(version, question->role, object, right, NULL));
  }
  *question->result = value_boolean(may);
  return 0;
}

static int take_relation(struct question *question, const struct relation **relation, bool *is_system)
{
  char kind;
  uint32_t oid;
  struct system_object object = {0};
  struct bytes name = next_argument(question, &kind, &oid);
  if (kind == 'n' && !(oid = system_object_named(question->system, name)))
    return missing(question, SQLSTATE_UNDEFINED_TABLE, "relation", name);
  bool is_found = system_object_find(question->system, oid, &object);
  *relation = is_found ? object.relation : NULL;
  *is_system = is_found && !object.relation;
  return 0;
}

// System tables may be selected from by everyone, but for those with verifiers.
static int answer_system(struct question *question)
{
  struct bytes name;
  bool with_option, may = role_is_superuser(question->system->version, question->role, NULL);
  while (next_right(question, &name, &with_option))
    may |= !with_option && right_of_name((const char *)name.data, name.size) == RIGHT_SELECT;
  *question->result = value_boolean(may);
  return 0;
}

static int on_relation(struct question *question, bool any_column, bool of_sequence)
{
  const struct relation *relation;
  bool is_system;
  int status = take_relation(question, &relation, &is_system);
  if (status || (!relation && !is_system)) {
    *question->result = value_null();
    return status;
  }
  if (is_system)
    return answer_system(question);
  if (of_sequence && relation->kind != RELATION_SEQUENCE)
    return error_set(question->evaluation->error, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence",
                     relation->name);
  struct right_object object = right_object_of(relation);
  return answer(question, &object, -1, any_column);
}

static int on_column(struct question *question)
{
  const struct relation *relation;
  bool is_system;
  char kind, text[64];
  uint32_t number;
  int status = take_relation(question, &relation, &is_system);
  if (status)
    return status;
  struct bytes name = next_argument(question, &kind, &number);
  if (is_system)
    return answer_system(question);
  snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
  int column = !relation ? -1 : kind == 'n' ? relation_column(relation, text) : (int)number - 1;
  if (relation && kind == 'n' && column < 0)
    return error_set(question->evaluation->error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist",
                     text, relation->name);
  if (column < 0 || column >= relation->schema.column_count) {
    *question->result = value_null();
    return 0;
  }
  struct right_object object = right_object_of(relation);
  return answer(question, &object, column, false);
}

static int on_other(struct question *question, enum right_class class)
{
  char kind, text[64];
  uint32_t oid;
  struct right_object object;
  struct bytes name = next_argument(question, &kind, &oid);
  snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
  if (class == CLASS_DATABASE)
    oid = OID_DATABASE; // whatever its name
  else if (kind == 'n' && !(oid = catalog_schema(question->system->catalog, question->system->version, text)))
    return missing(question, SQLSTATE_INVALID_SCHEMA_NAME, "schema", name);
  if (!right_object_find(question->system->version, class, oid, question->evaluation->arena, &object))
    return error_memory(question->evaluation->error);
  return answer(question, &object, -1, false);
}

// What has no rights here beside those that PostgreSQL gives to all: types, functions, languages; and what there is
// none of. False: the question is about something else.
static bool on_plain(struct question *question, const char *function, size_t size, int *status)
{
  static const struct plain {
    const char *function, *right, *what;
    bool is_for_all, is_there;
  } plains[] = {{"has_type_privilege", "usage", "type", true, true},
                {"has_function_privilege", "execute", "function", true, true},
                {"has_language_privilege", "usage", "language", true, true},
                {"has_tablespace_privilege", "create", "tablespace", false, true},
                {"has_foreign_data_wrapper_privilege", "usage", "foreign-data wrapper", false, false},
                {"has_server_privilege", "usage", "server", false, false}};
  const struct plain *plain = plains, *end = plains + sizeof plains / sizeof *plains;
  while (plain < end && (strlen(plain->function) != size || strncmp(plain->function, function, size) != 0))
    plain++;
  if (plain == end)
    return false;
  char kind;
  uint32_t oid;
  struct bytes object = next_argument(question, &kind, &oid), name;
  bool is_type = plain == plains, with_option;
  if (kind == 'n' && (!plain->is_there || (is_type && !system_type_named(question->system, object)))) {
    *status = missing(question, SQLSTATE_UNDEFINED_OBJECT, plain->what, object);
    return true;
  }
  *question->result = plain->is_there ? value_boolean(false) : value_null();
  bool is_superuser = role_is_superuser(question->system->version, question->role, NULL);
  while (plain->is_there && next_right(question, &name, &with_option)) {
    if (name.size != strlen(plain->right) || strncasecmp((const char *)name.data, plain->right, name.size) != 0) {
      *status = unknown_right(question, name);
      break;
    }
    question->result->integer |= is_superuser || (plain->is_for_all && !with_option);
  }
  return true;
}

// pg_has_role: USAGE is having its rights, MEMBER being able to become it.
static int on_role(struct question *question)
{
  uint32_t asking = question->role;
  const struct version *version = question->system->version;
  struct bytes name;
  bool with_option, may = false;
  int status = take_role(question);
  if (status)
    return status;
  uint32_t other = question->role;
  while (next_right(question, &name, &with_option)) {
    bool is_usage = name.size == 5 && strncasecmp((const char *)name.data, "usage", 5) == 0;
    if (!is_usage && !(name.size == 6 && strncasecmp((const char *)name.data, "member", 6) == 0))
      return unknown_right(question, name);
    may |= with_option ? role_is_admin(version, asking, other, NULL)
           : is_usage  ? role_has(version, asking, other, NULL)
                       : role_is_member(version, asking, other, NULL);
  }
  *question->result = value_boolean(may);
  return 0;
}

bool system_privilege(struct system_context *system, struct evaluation *evaluation, const char *name,
                      const struct value *arguments, int argument_count, struct value *result, int *status)
{
  const char *colon = strchr(name, ':');
  if (!colon)
    return false;
  const struct value *last = &arguments[argument_count - 1];
  struct question question = {
    .system = system,
    .evaluation = evaluation,
    .kinds = colon + 1,
    .arguments = arguments,
    .role = system->settings->role,
    .rights = bytes_of(last->data, last->size),
    .result = result,
  };
  size_t size = (size_t)(colon - name);
  bool is_column = size == 20 && strncmp(name, "has_column_privilege", size) == 0;
  *status = argument_count > (is_column ? 3 : 2) ? take_role(&question) : 0;
  if (*status)
    return true;
  if (is_column)
    *status = on_column(&question);
  else if (strncmp(name, "has_schema", 10) == 0)
    *status = on_other(&question, CLASS_SCHEMA);
  else if (strncmp(name, "has_database", 12) == 0)
    *status = on_other(&question, CLASS_DATABASE);
  else if (strncmp(name, "pg_has_role", 11) == 0)
    *status = on_role(&question);
  else if (!on_plain(&question, name, size, status))
    *status = on_relation(&question, strncmp(name, "has_any_column", 14) == 0, strncmp(name, "has_sequence", 12) == 0);
  return true;
}
