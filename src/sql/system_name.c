// Objects by number and by name, and their definitions as SQL, for system tables and functions.
#include <ctype.h>
#include <stdio.h>

#include "data/keyword.h"
#include "sql/bind.h"
#include "sql/plan_node.h"
#include "sql/system_internal.h"

// --- Objects ------------------------------------------------------------------------------------------------

static bool has_index(const struct relation *relation, uint32_t oid, struct system_object *object)
{
  for (int i = 0; i < relation->index_count; i++)
    if (relation->indexes[i].oid == oid) {
      object->relation = relation;
      object->index = &relation->indexes[i];
      return true;
    }
  return false;
}

// No tree leads from an index to its relation. Who asks for many goes through pg_class in its order: so the search
// begins where the last one ended, and comes round.
static bool find_index(struct system_context *context, uint32_t oid, struct system_object *object)
{
  uint32_t start = context->last_oid, at = start ? start - 1 : 0;
  bool is_round = false;
  for (;;) {
    const struct relation *relation = catalog_next(context->catalog, context->version, &at);
    if (is_round && (!relation || relation->oid >= start))
      return false;
    if (relation && has_index(relation, oid, object)) {
      context->last_oid = relation->oid;
      return true;
    }
    if (!relation) {
      is_round = true;
      at = 0;
    }
  }
}

bool system_object_find(struct system_context *context, uint32_t oid, struct system_object *object)
{
  *object = (struct system_object){0};
  const struct system_table *table;
  for (int i = 0; oid < OID_FIRST_USER && (table = system_table_at(i)); i++)
    if (table->oid == oid) {
      object->table = table;
      return true;
    }
  object->relation = catalog_find_oid(context->catalog, context->version, oid);
  if (object->relation && object->relation->kind == RELATION_TYPE && object->relation->type_kind != TYPE_IS_COMPOSITE)
    object->relation = NULL;
  return object->relation || find_index(context, oid, object);
}

uint32_t system_object_schema(const struct system_object *object)
{
  return object->table ? object->table->schema_oid : object->relation->schema_oid;
}

const char *system_object_name(const struct system_object *object)
{
  return object->table ? object->table->name : object->index ? object->index->name : object->relation->name;
}

// A source that keeps its rows is a table, for those who ask; other sources and sinks are foreign tables.
char system_relkind(const struct relation *relation)
{
  if (relation->kind == RELATION_TYPE)
    return 'c';
  if (relation->kind == RELATION_SINK)
    return (char)RELATION_SOURCE;
  return relation->kind == RELATION_SOURCE && relation->tree ? (char)RELATION_TABLE : (char)relation->kind;
}

const char *system_schema_name(struct system_context *context, uint32_t oid)
{
  const char *name = catalog_schema_name(context->catalog, context->version, oid);
  return name ? name : "";
}

static uint32_t find_in_schema(struct system_context *context, uint32_t schema_oid, const char *name)
{
  const struct system_table *table = system_table_find(schema_oid, name);
  return table ? table->oid : catalog_name(context->catalog, context->version, schema_oid, name);
}

// Takes one identifier off a text: quoted, or folded to lower case.
static bool take_identifier(struct bytes *text, char name[64])
{
  size_t size = 0, at = 0;
  bool is_quoted = text->size && text->data[0] == '"';
  if (is_quoted)
    for (at = 1;; at++) {
      if (at >= text->size)
        return false;
      if (text->data[at] == '"' && !(at + 1 < text->size && text->data[at + 1] == '"'))
        break;
      at += text->data[at] == '"';
      if (size < 63)
        name[size++] = (char)text->data[at];
    }
  else
    for (; at < text->size && text->data[at] != '.'; at++)
      if (size < 63)
        name[size++] = (char)tolower(text->data[at]);
  at += is_quoted;
  name[size] = 0;
  *text = bytes_of(text->data + at, text->size - at);
  return size > 0;
}

uint32_t system_name_find(struct system_context *context, struct bytes text)
{
  char first[64], second[64];
  while (text.size && isspace(text.data[0]))
    text = bytes_of(text.data + 1, text.size - 1);
  while (text.size && isspace(text.data[text.size - 1]))
    text.size--;
  if (!take_identifier(&text, first))
    return 0;
  if (text.size == 0) {
    for (int i = 0; i < context->settings->search_path_count; i++) {
      uint32_t oid = find_in_schema(context, context->settings->search_path[i], first);
      if (oid)
        return oid;
    }
    return 0;
  }
  text = bytes_of(text.data + 1, text.size - 1);
  if (!take_identifier(&text, second) || text.size)
    return 0;
  uint32_t temporary = settings_temporary(context->settings);
  uint32_t schema = strcmp(first, "pg_temp") == 0 ? temporary : catalog_schema(context->catalog, context->version, first);
  return schema && (!schema_is_temporary(schema) || schema == temporary) ? find_in_schema(context, schema, second) : 0;
}

uint32_t system_object_named(struct system_context *context, struct bytes text)
{
  uint32_t oid = system_name_find(context, text);
  return oid >= OID_FIRST_USER && system_user_type(context, oid) ? 0 : oid;
}

const struct relation *system_next_relation(struct system_context *context, uint32_t *oid)
{
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, oid)))
    if (relation->kind != RELATION_TYPE || relation->type_kind == TYPE_IS_COMPOSITE)
      return relation;
  return NULL;
}

bool system_is_visible(struct system_context *context, const struct system_object *object)
{
  uint32_t own = object->table ? object->table->oid : object->index ? object->index->oid : object->relation->oid;
  for (int i = 0; i < context->settings->search_path_count; i++) {
    uint32_t oid = find_in_schema(context, context->settings->search_path[i], system_object_name(object));
    if (oid)
      return oid == own;
  }
  return false;
}

// --- Texts --------------------------------------------------------------------------------------------------

void append_identifier(struct buffer *out, const char *name)
{
  if (name_is_plain(bytes_of_string(name))) {
    buffer_append_string(out, name);
    return;
  }
  buffer_append_u8(out, '"');
  for (; *name; name++) {
    if (*name == '"')
      buffer_append_u8(out, '"');
    buffer_append_u8(out, (uint8_t)*name);
  }
  buffer_append_u8(out, '"');
}

void append_object(struct system_context *context, const struct system_object *object, struct buffer *out)
{
  if (!system_is_visible(context, object)) {
    append_identifier(out, system_schema_name(context, system_object_schema(object)));
    buffer_append_u8(out, '.');
  }
  append_identifier(out, system_object_name(object));
}

// The text of an expression, in which types stand by their numbers, with their names; buffer is for it. NULL: no memory.
static const char *with_names(struct system_context *context, const char *shown, struct buffer *buffer)
{
  append_default(context, shown, buffer);
  buffer_append_u8(buffer, 0);
  return buffer->failed ? NULL : (const char *)buffer->data;
}

void append_index_part(struct system_context *context, const struct relation *relation, int column, bool is_pretty,
                       struct buffer *out)
{
  if (!relation_is_expression(relation, column)) {
    append_identifier(out, relation->schema.columns[column].name);
    return;
  }
  struct buffer buffer = {0};
  const char *text = with_names(context, relation_expression(relation, column)->shown, &buffer);
  if (text)
    expression_append_part(text, is_pretty, out);
  out->failed |= !text;
  buffer_deinit(&buffer);
}

static void append_includes(const struct relation *relation, const struct index *index, struct buffer *out)
{
  for (int i = 0; i < index->include_count; i++) {
    buffer_append_string(out, i ? ", " : " INCLUDE (");
    append_identifier(out, relation->schema.columns[index->includes[i]].name);
  }
  buffer_append_string(out, index->include_count ? ")" : "");
}

void append_key(struct system_context *context, const struct relation *relation, const struct index *index,
                bool with_order, bool is_pretty, struct buffer *out)
{
  buffer_append_u8(out, '(');
  for (int i = 0; i < index->part_count; i++) {
    const struct key_part *part = &index->parts[i];
    buffer_append_string(out, i ? ", " : "");
    append_index_part(context, relation, part->column, is_pretty, out);
    if (!with_order)
      continue;
    if (part->descending)
      buffer_append_string(out, part->nulls_first ? " DESC" : " DESC NULLS LAST");
    else if (part->nulls_first)
      buffer_append_string(out, " NULLS FIRST");
  }
  buffer_append_u8(out, ')');
  append_includes(relation, index, out);
}

void append_index_definition(struct system_context *context, const struct relation *relation, const struct index *index,
                             bool is_pretty, struct buffer *out)
{
  struct system_object object = {.relation = relation};
  buffer_append_string(out, index->is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
  append_identifier(out, index->name);
  buffer_append_string(out, " ON ");
  if (is_pretty) {
    append_object(context, &object, out);
  } else {
    append_identifier(out, system_schema_name(context, relation->schema_oid));
    buffer_append_u8(out, '.');
    append_identifier(out, relation->name);
  }
  buffer_append_string(out, " USING btree ");
  append_key(context, relation, index, true, is_pretty, out);
  buffer_append_string(out, index->nulls_are_equal ? " NULLS NOT DISTINCT" : "");
  if (!index->is_partial)
    return;
  struct buffer buffer = {0};
  const char *text = with_names(context, relation_expression(relation, index->predicate)->shown, &buffer);
  buffer_append_string(out, " WHERE ");
  if (text && is_pretty)
    expression_append_pretty(text, out);
  else if (text)
    buffer_append_string(out, text);
  out->failed |= !text;
  buffer_deinit(&buffer);
}

// --- Numbers that are made up ---------------------------------------------------------------------------------

// Above the numbers that are given out; unique as long as the oids of two tables do not differ by a multiple of 2^19.
static uint32_t made_up(uint32_t kind, uint32_t oid, int part)
{
  return kind | (oid & 0x7ffff) << 11 | ((uint32_t)part & 0x7ff);
}

uint32_t system_check_oid(const struct relation *relation, int check)
{
  return made_up(0x80000000u, relation->oid, check);
}

uint32_t system_default_oid(const struct relation *relation, int column)
{
  return made_up(0xc0000000u, relation->oid, column);
}

static void append_check_text(struct system_context *context, const struct relation *relation,
                              const struct expression_text *check, bool is_pretty, struct buffer *out)
{
  struct arena arena;
  struct buffer text = {0};
  arena_init(&arena, NULL);
  const struct node *node = check->node;
  if (!node && relation->kind != RELATION_TYPE) {
    struct bind_input bind = {.catalog = context->catalog, .version = context->version,
                              .settings = context->settings, .place = PLACE_DEFINITION, .arena = &arena};
    struct error ignored;
    struct node *bound;
    node = bind_expression(&bind, relation, check->text, type_plain(TYPE_BOOLEAN), &bound, &ignored) ? NULL : bound;
  }
  const char *shown = node ? node_deparse_row(relation, node, &arena) : NULL;
  append_default(context, shown ? shown : check->text, &text);
  buffer_append_u8(&text, 0);
  bool is_bare = shown && shown[0] == '('; // its parentheses are there
  buffer_append_string(out, is_bare || is_pretty ? "CHECK (" : "CHECK ((");
  if (!text.failed && shown && is_pretty)
    expression_append_pretty((const char *)text.data, out);
  else if (!text.failed)
    buffer_append_string(out, (const char *)text.data);
  buffer_append_string(out, is_bare || is_pretty ? ")" : "))");
  buffer_deinit(&text);
  arena_deinit(&arena);
}

static bool append_check(struct system_context *context, uint32_t oid, bool is_pretty, struct buffer *out)
{
  uint32_t at = 0;
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, &at)))
    for (int i = 0; i < relation->check_count; i++)
      if (system_check_oid(relation, i) == oid) {
        append_check_text(context, relation, &relation->checks[i].check, is_pretty, out);
        buffer_append_string(out, relation->checks[i].is_not_valid ? " NOT VALID" : "");
        return true;
      }
  return false;
}

const char *foreign_action_name(enum foreign_action action)
{
  switch (action) {
  case FOREIGN_NO_ACTION: return "NO ACTION";
  case FOREIGN_RESTRICT: return "RESTRICT";
  case FOREIGN_CASCADE: return "CASCADE";
  case FOREIGN_SET_NULL: return "SET NULL";
  case FOREIGN_SET_DEFAULT: return "SET DEFAULT";
  }
  return "";
}

static void append_columns(const struct relation *relation, const uint16_t *columns, int count, struct buffer *out)
{
  for (int i = 0; i < count; i++) {
    buffer_append_string(out, i ? ", " : "(");
    append_identifier(out, relation->schema.columns[columns[i]].name);
  }
  buffer_append_u8(out, ')');
}

static void append_deferral(bool is_deferrable, bool is_deferred, struct buffer *out)
{
  buffer_append_string(out, is_deferrable ? " DEFERRABLE" : "");
  buffer_append_string(out, is_deferred ? " INITIALLY DEFERRED" : "");
}

static void append_foreign_key(struct system_context *context, const struct relation *relation,
                               const struct foreign_key *key, struct buffer *out)
{
  const struct relation *parent = catalog_find_oid(context->catalog, context->version, key->referenced_oid);
  struct system_object object = {.relation = parent};
  if (!parent)
    return;
  buffer_append_string(out, "FOREIGN KEY ");
  append_columns(relation, key->columns, key->part_count, out);
  buffer_append_string(out, " REFERENCES ");
  append_object(context, &object, out);
  append_columns(parent, key->referenced_columns, key->part_count, out);
  buffer_append_string(out, key->is_full ? " MATCH FULL" : "");
  if (key->on_update != FOREIGN_NO_ACTION)
    buffer_format(out, " ON UPDATE %s", foreign_action_name(key->on_update));
  if (key->on_delete != FOREIGN_NO_ACTION)
    buffer_format(out, " ON DELETE %s", foreign_action_name(key->on_delete));
  if (key->delete_column_count) {
    buffer_append_u8(out, ' ');
    append_columns(relation, key->delete_columns, key->delete_column_count, out);
  }
  append_deferral(key->is_deferrable, key->is_deferred, out);
  buffer_append_string(out, key->is_not_valid ? " NOT VALID" : "");
}

static bool find_foreign_key(struct system_context *context, uint32_t oid, struct buffer *out)
{
  uint32_t at = 0;
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, &at)))
    for (int i = 0; i < relation->foreign_key_count; i++)
      if (relation->foreign_keys[i].oid == oid) {
        append_foreign_key(context, relation, &relation->foreign_keys[i], out);
        return true;
      }
  return false;
}

bool append_constraint_definition(struct system_context *context, uint32_t oid, bool is_pretty, struct buffer *out)
{
  struct system_object object;
  if (oid & 0x80000000u)
    return append_check(context, oid, is_pretty, out);
  if (!system_object_find(context, oid, &object))
    return find_foreign_key(context, oid, out);
  if (!object.index || !object.index->is_constraint)
    return false;
  buffer_append_string(out, index_is_primary_key(object.index) ? "PRIMARY KEY " : "UNIQUE ");
  buffer_append_string(out, object.index->nulls_are_equal ? "NULLS NOT DISTINCT " : "");
  append_key(context, object.relation, object.index, false, is_pretty, out);
  append_deferral(object.index->is_deferrable, object.index->is_deferred, out);
  return true;
}

uint32_t system_collation(enum type_id type)
{
  if (type_is_array(type))
    return system_collation(type_element(type));
  if (type == TYPE_NAME)
    return OID_COLLATION_C;
  return type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR ? OID_COLLATION : 0;
}
