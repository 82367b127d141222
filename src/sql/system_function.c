// Functions that look at the session and the catalog, by name. To add one is to add a row and its code.
#include <stdio.h>

#include "base/limits.h"
#include "data/array.h"
#include "sql/system_internal.h"
#include "sql/view_base.h"
#include "table/comment.h"
#include "table/role.h"

struct call {
  struct system_context *system;
  struct evaluation *evaluation;
  const char *name;
  const struct value *arguments;
  int argument_count;
  struct value *result;
};

static int give_text(const struct call *call, const char *text)
{
  char *copy = arena_string(call->evaluation->arena, text);
  if (!copy)
    return error_memory(call->evaluation->error);
  *call->result = value_string(copy);
  return 0;
}

// Gives the buffer's bytes, and frees them.
static int give_buffer(const struct call *call, struct buffer *text)
{
  const uint8_t *copy = text->failed ? NULL : arena_copy(call->evaluation->arena, text->data, text->size);
  if (copy)
    *call->result = value_bytes(copy, (uint32_t)text->size);
  buffer_deinit(text);
  return copy ? 0 : error_memory(call->evaluation->error);
}

static int give_number(const struct call *call, int64_t v)
{
  *call->result = value_integer(v);
  return 0;
}

static int give_null(const struct call *call)
{
  *call->result = value_null();
  return 0;
}

static int give_true(const struct call *call)
{
  return give_number(call, 1);
}
static int give_false(const struct call *call)
{
  return give_number(call, 0);
}
static int give_empty(const struct call *call)
{
  return give_text(call, "");
}

static int unsupported(const struct call *call)
{
  return error_set(call->evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "function %s() is not supported",
                   call->name);
}

static uint32_t oid_argument(const struct call *call, int i)
{
  return (uint32_t)call->arguments[i].integer;
}

static struct bytes text_argument(const struct call *call, int i)
{
  return bytes_of(call->arguments[i].data, call->arguments[i].size);
}

static bool find_object(const struct call *call, uint32_t oid, struct system_object *object)
{
  return system_object_find(call->system, oid, object);
}

// --- The session --------------------------------------------------------------------------------------------

static int current_user(const struct call *call)
{
  char name[64];
  return give_text(call, system_role_name(call->system, call->system->settings->role, name));
}
static int session_user(const struct call *call)
{
  char name[64];
  return give_text(call, system_role_name(call->system, call->system->settings->session_role, name));
}
static int current_database(const struct call *call)
{
  return give_text(call, call->system->settings->database);
}
static int backend(const struct call *call)
{
  return give_number(call, call->system->settings->backend);
}
static int version(const struct call *call)
{
  return give_text(call, "PostgreSQL 15.0 (Quern 0.1)");
}

static int current_schema(const struct call *call)
{
  const struct settings *settings = call->system->settings;
  for (int i = 0; i < settings->search_path_count; i++)
    if (settings->search_path[i] != SCHEMA_PG_CATALOG && !schema_is_temporary(settings->search_path[i]))
      return give_text(call, system_schema_name(call->system, settings->search_path[i]));
  return give_null(call);
}

// The path's schemas that are there; with pg_catalog and the temporary one where they are searched unasked.
static int current_schemas(const struct call *call)
{
  const struct settings *settings = call->system->settings;
  struct array_builder builder;
  array_builder_init(&builder, TYPE_NAME, NULL);
  bool with_implicit = call->arguments[0].integer;
  for (int i = 0; i < settings->search_path_count; i++) {
    uint32_t oid = settings->search_path[i];
    if (!with_implicit && (oid == SCHEMA_PG_CATALOG || schema_is_temporary(oid)))
      continue;
    struct value name = value_string(system_schema_name(call->system, oid));
    array_add(&builder, &name);
  }
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, call->evaluation->arena, call->result, call->evaluation->error);
}

static int current_setting(const struct call *call)
{
  struct bytes name = text_argument(call, 0);
  char copy[128], scratch[256];
  snprintf(copy, sizeof copy, "%.*s", (int)name.size, (const char *)name.data);
  const char *value = settings_show(call->system->settings, copy, scratch, sizeof scratch);
  if (value)
    return give_text(call, value);
  if (call->argument_count > 1 && call->arguments[1].integer)
    return give_null(call);
  return error_set(call->evaluation->error, SQLSTATE_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"",
                   copy);
}

// --- Names and numbers ----------------------------------------------------------------------------------------

static int user_by_id(const struct call *call)
{
  char name[64];
  return give_text(call, system_role_name(call->system, oid_argument(call, 0), name));
}

static int role_name(const struct call *call)
{
  char text[16];
  struct role role;
  if (role_find(call->system->version, oid_argument(call, 0), NULL, &role))
    return give_text(call, role.name);
  snprintf(text, sizeof text, "%u", oid_argument(call, 0));
  return give_text(call, oid_argument(call, 0) ? text : "-");
}

static int schema_name(const struct call *call)
{
  char text[16];
  uint32_t oid = oid_argument(call, 0);
  snprintf(text, sizeof text, "%u", oid);
  const char *name = catalog_schema_name(call->system->catalog, call->system->version, oid);
  return give_text(call, name ? name : oid ? text : "-");
}

static int relation_name(const struct call *call)
{
  struct system_object object;
  char text[16];
  uint32_t oid = oid_argument(call, 0);
  if (!oid || !find_object(call, oid, &object)) {
    snprintf(text, sizeof text, "%u", oid);
    return give_text(call, oid ? text : "-");
  }
  struct buffer name = {0};
  append_object(call->system, &object, &name);
  return give_buffer(call, &name);
}

static int function_name(const struct call *call)
{
  const struct function *function;
  char text[16];
  uint32_t oid = oid_argument(call, 0);
  for (int i = 0; oid && (function = function_at(i)); i++)
    if (function->oid == oid)
      return give_text(call, function->name);
  snprintf(text, sizeof text, "%u", oid);
  return give_text(call, oid ? text : "-");
}

// The modifier as clients see it, back to ours.
struct type type_from_wire(enum type_id id, int32_t modifier)
{
  struct type type = {.id = id, .modifier = -1};
  if (type_is_array(id))
    return (struct type){.id = id, .modifier = type_from_wire(type_element(id), modifier).modifier};
  if (modifier < 0)
    return type;
  if (id == TYPE_VARCHAR || id == TYPE_BPCHAR) {
    type.modifier = modifier - 4;
  } else if (id == TYPE_NUMERIC) {
    int32_t scale = ((modifier - 4) & 0x7ff) ^ 1024; // 11 bits with a sign
    type.modifier = ((modifier - 4) & ~0xffff) | ((scale - 1024) & 0xffff);
  } else {
    type.modifier = modifier;
  }
  return type;
}

static int format_type(const struct call *call)
{
  if (call->arguments[0].is_null)
    return give_null(call);
  char text[200];
  int32_t modifier = call->argument_count < 2 || call->arguments[1].is_null ? -1 : (int32_t)call->arguments[1].integer;
  if (!system_type_name(call->system, oid_argument(call, 0), modifier, text, sizeof text))
    return give_text(call, oid_argument(call, 0) ? "???" : "-");
  return give_text(call, text);
}

static int type_name(const struct call *call)
{
  char text[200];
  uint32_t oid = oid_argument(call, 0);
  if (!system_type_name(call->system, oid, -1, text, sizeof text))
    snprintf(text, sizeof text, "%u", oid);
  return give_text(call, oid ? text : "-");
}

static int to_relation(const struct call *call)
{
  uint32_t oid = system_object_named(call->system, text_argument(call, 0));
  return oid ? give_number(call, oid) : give_null(call);
}

static int to_type(const struct call *call)
{
  uint32_t oid = system_type_named(call->system, text_argument(call, 0));
  return oid ? give_number(call, oid) : give_null(call);
}

// A function's only form of that name.
static int to_function(const struct call *call)
{
  struct bytes text = text_argument(call, 0), schema = bytes_of_string("pg_catalog.");
  const struct function *function;
  uint32_t found = 0;
  if (text.size > schema.size && memcmp(text.data, schema.data, schema.size) == 0)
    text = bytes_of(text.data + schema.size, text.size - schema.size);
  for (int i = 0; (function = function_at(i)); i++) {
    if (function->is_operator || bytes_compare(bytes_of_string(function->name), text) != 0)
      continue;
    if (found)
      return error_set(call->evaluation->error, SQLSTATE_AMBIGUOUS_FUNCTION, "more than one function named \"%.*s\"",
                       (int)text.size, (const char *)text.data);
    found = function->oid;
  }
  return found ? give_number(call, found) : give_null(call);
}

static int to_schema(const struct call *call)
{
  struct bytes text = text_argument(call, 0);
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
  uint32_t oid = catalog_schema(call->system->catalog, call->system->version, name);
  return oid ? give_number(call, oid) : give_null(call);
}

static int to_role(const struct call *call)
{
  struct bytes text = text_argument(call, 0);
  char name[64];
  struct role role;
  snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
  return role_find_name(call->system->version, name, NULL, &role) ? give_number(call, role.oid) : give_null(call);
}

// --- Definitions ----------------------------------------------------------------------------------------------

static int is_visible(const struct call *call)
{
  struct system_object object;
  if (!find_object(call, oid_argument(call, 0), &object))
    return give_null(call);
  return give_number(call, system_is_visible(call->system, &object));
}

static int index_definition(const struct call *call)
{
  struct system_object object;
  if (!find_object(call, oid_argument(call, 0), &object) || !object.index)
    return give_null(call);
  bool has_column = call->argument_count == 3;
  int64_t column = has_column ? call->arguments[1].integer : 0;
  struct buffer text = {0};
  if (column > object.index->part_count + object.index->include_count || column < 0)
    return give_empty(call);
  bool is_pretty = has_column && call->arguments[2].integer;
  if (column)
    append_index_part(call->system, object.relation,
                      column <= object.index->part_count ? object.index->parts[column - 1].column
                                                         : object.index->includes[column - 1 - object.index->part_count],
                      is_pretty, &text);
  else
    append_index_definition(call->system, object.relation, object.index, is_pretty, &text);
  return give_buffer(call, &text);
}

static int type_is_visible(const struct call *call)
{
  uint32_t oid = oid_argument(call, 0);
  const struct relation *type = oid >= OID_FIRST_USER ? system_user_type(call->system, oid) : NULL;
  bool is_visible = !type;
  for (int i = 0; type && i < call->system->settings->search_path_count; i++)
    is_visible |= call->system->settings->search_path[i] == type->schema_oid;
  return give_number(call, is_visible);
}

static int constraint_definition(const struct call *call)
{
  struct buffer text = {0};
  bool is_pretty = call->argument_count > 1 && call->arguments[1].integer;
  if (append_constraint_definition(call->system, oid_argument(call, 0), is_pretty, &text))
    return give_buffer(call, &text);
  buffer_deinit(&text);
  return give_null(call);
}

static int description(const struct call *call, enum comment_class class, int column)
{
  struct comment comment = {.class = class, .oid = oid_argument(call, 0), .column = column};
  if (!comment_find(call->system->version, &comment))
    return give_null(call);
  struct buffer text = {0};
  buffer_append_bytes(&text, comment.text);
  return give_buffer(call, &text);
}

// The second argument is the name of the catalog that lists the object.
static int object_description(const struct call *call)
{
  static const struct {
    const char *name;
    enum comment_class class;
  } classes[] = {{"pg_class", COMMENT_RELATION},     {"pg_constraint", COMMENT_CONSTRAINT},
                 {"pg_namespace", COMMENT_SCHEMA}, {"pg_type", COMMENT_TYPE},   {"pg_database", COMMENT_DATABASE},
                 {"pg_authid", COMMENT_ROLE}};
  if (call->argument_count == 1)
    return description(call, 0, 0);
  struct bytes name = text_argument(call, 1);
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (strlen(classes[i].name) == name.size && memcmp(classes[i].name, name.data, name.size) == 0)
      return description(call, classes[i].class, 0);
  return give_null(call);
}

static int column_description(const struct call *call)
{
  int64_t column = call->arguments[1].integer;
  return column < 1 || column > LIMIT_COLUMNS ? give_null(call) : description(call, COMMENT_RELATION, (int)column);
}

static int view_definition(const struct call *call)
{
  struct system_object object;
  if (!find_object(call, oid_argument(call, 0), &object) || object.index || !object.relation ||
      object.relation->kind != RELATION_VIEW)
    return give_null(call);
  struct buffer text = {0};
  buffer_append_u8(&text, ' ');
  append_default(call->system, object.relation->text, &text);
  buffer_append_u8(&text, ';');
  return give_buffer(call, &text);
}

// Expressions are kept as text already.
static int expression_text(const struct call *call)
{
  if (call->argument_count == 3 && call->arguments[2].integer) {
    struct bytes shown = text_argument(call, 0);
    const char *text = arena_format(call->evaluation->arena, "%.*s", (int)shown.size, (const char *)shown.data);
    struct buffer pretty = {0};
    if (!text)
      return error_memory(call->evaluation->error);
    expression_append_pretty(text, &pretty);
    return give_buffer(call, &pretty);
  }
  *call->result = call->arguments[0];
  return 0;
}

// Of the column that the names mean, the sequence that it owns, quoted and with its schema.
static int serial_sequence(const struct call *call)
{
  struct system_object table = {0};
  struct bytes name = text_argument(call, 0), column = text_argument(call, 1);
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)column.size, (const char *)column.data);
  uint32_t oid = system_object_named(call->system, name);
  if (!oid || !find_object(call, oid, &table))
    return error_set(call->evaluation->error, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", (int)name.size,
                     (const char *)name.data);
  int number = table.relation && !table.index ? relation_column(table.relation, text) : -1;
  if (number < 0)
    return error_set(call->evaluation->error, SQLSTATE_UNDEFINED_COLUMN,
                     "column \"%s\" of relation \"%s\" does not exist", text, system_object_name(&table));
  const struct relation *sequence = system_serial_sequence(call->system, oid, number);
  if (!sequence)
    return give_null(call);
  struct buffer out = {0};
  append_identifier(&out, system_schema_name(call->system, sequence->schema_oid));
  buffer_append_u8(&out, '.');
  append_identifier(&out, sequence->name);
  return give_buffer(call, &out);
}

// --- What can be changed ---------------------------------------------------------------------------------------

// The relation of the number that can have rows of its own; NULL: there is none.
static const struct relation *relation_argument(const struct call *call)
{
  struct system_object object;
  bool is_found = find_object(call, oid_argument(call, 0), &object);
  return is_found && !object.index ? object.relation : NULL;
}

// *columns: room for as many as the relation has. False: nothing of it is.
static int find_updatable(const struct call *call, const struct relation *relation, bool *is_updatable, bool **columns)
{
  *columns = ARENA_ARRAY(call->evaluation->arena, bool, relation->schema.column_count + 1);
  if (!*columns)
    return error_memory(call->evaluation->error);
  *is_updatable = relation->kind == RELATION_TABLE || (relation->kind == RELATION_SOURCE && relation->tree);
  for (int i = 0; i < relation->schema.column_count; i++)
    (*columns)[i] = *is_updatable;
  if (relation->kind != RELATION_VIEW)
    return 0;
  return view_is_updatable(call->system->catalog, call->system->version, relation, call->evaluation->arena, is_updatable,
                           *columns, call->evaluation->error);
}

// Bits as PostgreSQL counts commands: 4 UPDATE, 8 INSERT, 16 DELETE.
static int relation_changes(const struct call *call)
{
  const struct relation *relation = relation_argument(call);
  bool is_updatable, *columns;
  int status = relation ? find_updatable(call, relation, &is_updatable, &columns) : 0;
  return status ? status : give_number(call, relation && is_updatable ? 4 | 8 | 16 : 0);
}

static int column_changes(const struct call *call)
{
  const struct relation *relation = relation_argument(call);
  int64_t column = call->arguments[1].integer;
  bool is_updatable, *columns;
  if (!relation || column < 1 || column > relation->schema.column_count)
    return give_false(call);
  int status = find_updatable(call, relation, &is_updatable, &columns);
  return status ? status : give_number(call, is_updatable && columns[column - 1]);
}

static int temporary_schema(const struct call *call)
{
  uint32_t oid = settings_temporary(call->system->settings);
  return give_number(call, catalog_schema_name(call->system->catalog, call->system->version, oid) ? oid : 0);
}

static int is_other_temporary(const struct call *call)
{
  uint32_t oid = oid_argument(call, 0);
  return give_number(call, schema_is_temporary(oid) && oid != settings_temporary(call->system->settings) &&
                             catalog_schema_name(call->system->catalog, call->system->version, oid));
}

// --- Sizes ----------------------------------------------------------------------------------------------------

static int64_t index_bytes(const struct call *call, const struct relation *relation)
{
  int64_t bytes = 0;
  for (int i = 0; i < relation->index_count; i++)
    if (!relation->indexes[i].is_primary)
      bytes += (int64_t)tree_bytes(call->system->version, relation->indexes[i].tree);
  return bytes;
}

static int64_t own_bytes(const struct call *call, const struct system_object *object)
{
  tree_number tree = !object->relation ? 0 : object->index ? object->index->tree : object->relation->tree;
  return tree ? (int64_t)tree_bytes(call->system->version, tree) : 0;
}

static int relation_size(const struct call *call)
{
  struct system_object object;
  if (!find_object(call, oid_argument(call, 0), &object))
    return give_null(call);
  bool is_main = call->argument_count < 2 || bytes_equal(text_argument(call, 1), bytes_of_string("main"));
  return give_number(call, is_main ? own_bytes(call, &object) : 0);
}

static int indexes_size(const struct call *call)
{
  struct system_object object;
  if (!find_object(call, oid_argument(call, 0), &object))
    return give_null(call);
  return give_number(call, object.relation && !object.index ? index_bytes(call, object.relation) : 0);
}

static int total_size(const struct call *call)
{
  struct system_object object;
  if (!find_object(call, oid_argument(call, 0), &object))
    return give_null(call);
  int64_t bytes = own_bytes(call, &object);
  return give_number(call, object.relation && !object.index ? bytes + index_bytes(call, object.relation) : bytes);
}

static int database_size(const struct call *call)
{
  int64_t bytes = 0;
  tree_number limit = version_tree_limit(call->system->version);
  for (tree_number tree = 1; tree < limit; tree++)
    bytes += (int64_t)tree_bytes(call->system->version, tree);
  return give_number(call, bytes);
}

static int function_result(const struct call *call)
{
  struct buffer text = {0};
  return system_function_result(call->system, oid_argument(call, 0), &text) ? give_buffer(call, &text) : give_null(call);
}

static int function_arguments(const struct call *call)
{
  struct buffer text = {0};
  bool with_results = strcmp(call->name, "pg_get_function_arguments") == 0;
  return system_function_arguments(call->system, oid_argument(call, 0), with_results, &text) ? give_buffer(call, &text)
                                                                                             : give_null(call);
}

// --- The table --------------------------------------------------------------------------------------------------

static const struct {
  const char *name;
  int (*code)(const struct call *call);
} functions[] = {
    {"current_user", current_user},
    {"session_user", session_user},
    {"current_database", current_database},
    {"current_schema", current_schema},
    {"version", version},
    {"pg_backend_pid", backend},
    {"current_schemas", current_schemas},
    {"current_setting", current_setting},
    {"pg_get_userbyid", user_by_id},
    {"pg_get_indexdef", index_definition},
    {"pg_get_constraintdef", constraint_definition},
    {"pg_get_expr", expression_text},
    {"pg_get_viewdef", view_definition},
    {"pg_get_functiondef", give_null},
    {"pg_get_function_result", function_result},
    {"pg_get_function_arguments", function_arguments},
    {"pg_get_function_identity_arguments", function_arguments},
    {"pg_get_function_sqlbody", give_null},
    {"pg_get_triggerdef", give_null},
    {"pg_get_ruledef", give_null},
    {"pg_get_partkeydef", give_null},
    {"pg_get_serial_sequence", serial_sequence},
    {"pg_get_statisticsobjdef_columns", give_null},
    {"pg_tablespace_location", give_empty},
    {"pg_table_is_visible", is_visible},
    {"pg_type_is_visible", type_is_visible},
    {"pg_function_is_visible", give_true},
    {"pg_operator_is_visible", give_true},
    {"pg_collation_is_visible", give_true},
    {"pg_conversion_is_visible", give_true},
    {"pg_opclass_is_visible", give_true},
    {"pg_opfamily_is_visible", give_true},
    {"pg_statistics_obj_is_visible", give_true},
    {"pg_ts_config_is_visible", give_true},
    {"pg_ts_dict_is_visible", give_true},
    {"pg_ts_parser_is_visible", give_true},
    {"pg_ts_template_is_visible", give_true},
    {"pg_relation_is_publishable", give_false},
    {"format_type", format_type},
    {"obj_description", object_description},
    {"col_description", column_description},
    {"shobj_description", object_description},
    {"pg_relation_size", relation_size},
    {"pg_table_size", relation_size},
    {"pg_indexes_size", indexes_size},
    {"pg_total_relation_size", total_size},
    {"pg_database_size", database_size},
    {"row_security_active", give_false},
    {"pg_relation_is_updatable", relation_changes},
    {"pg_column_is_updatable", column_changes},
    {"pg_my_temp_schema", temporary_schema},
    {"pg_is_other_temp_schema", is_other_temporary},
    {"to_regclass", to_relation},
    {"to_regtype", to_type},
    {"to_regproc", to_function},
    {"to_regnamespace", to_schema},
    {"to_regrole", to_role},
    {"regclass", relation_name},
    {"regtype", type_name},
    {"regproc", function_name},
    {"regnamespace", schema_name},
    {"regrole", role_name},
};

int system_function(struct system_context *system, struct evaluation *evaluation, const char *name,
                    const struct value *arguments, int argument_count, struct value *result)
{
  struct call call = {system, evaluation, name, arguments, argument_count, result};
  int status;
  if (system_privilege(system, evaluation, name, arguments, argument_count, result, &status))
    return status;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (strcmp(functions[i].name, name) == 0)
      return functions[i].code(&call);
  return unsupported(&call);
}
