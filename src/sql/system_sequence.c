// Sequences as system tables show them: what they are, what they have given, who owns them, and how a default that draws
// from one is written.
#include <stdio.h>
#include <stdlib.h>

#include "sql/plan_node.h"
#include "sql/system_internal.h"
#include "table/right.h"
#include "table/sequence.h"

#define ROWS(name) \
  static int name(const struct system_table *table, struct system_context *context, struct row_sink *sink, \
                  struct error *error)
#define ADD(...) system_add(table, sink, (const struct value[]){__VA_ARGS__}, error)

static const struct relation *next_sequence(struct system_context *context, uint32_t *oid)
{
  const struct relation *relation;
  while ((relation = catalog_next(context->catalog, context->version, oid)))
    if (relation->kind == RELATION_SEQUENCE)
      return relation;
  return NULL;
}

// The table whose column owns the sequence, NULL: nobody does.
static const struct relation *owner_of(struct system_context *context, const struct relation *sequence)
{
  uint32_t owner = sequence->sequence.owner;
  return owner ? catalog_find_oid(context->catalog, context->version, owner) : NULL;
}

static bool is_internal(const struct relation *owner, const struct relation *sequence)
{
  return owner && owner->schema.columns[sequence->sequence.owner_column].identity;
}

// --- SELECT from a sequence -----------------------------------------------------------------------------------------

static const struct system_column own_columns[] = {C_INT8("last_value"), C_INT8("log_cnt"), C_BOOL("is_called")};

ROWS(own_rows)
{
  const struct relation *sequence = catalog_find_oid(context->catalog, context->version, table->oid);
  struct sequence_state state;
  if (!sequence)
    return error_set(error, SQLSTATE_UNDEFINED_TABLE, "relation \"%s\" does not exist", table->name);
  int status = sequence_look(context->catalog, context->version, sequence, &state, error);
  return status ? status : ADD(number(state.last), number(state.ahead), truth(state.is_called));
}

const struct system_table *system_sequence_table(const struct relation *sequence, struct arena *arena)
{
  struct system_table *table = ARENA_NEW(arena, struct system_table);
  const char *name = arena_string(arena, sequence->name);
  if (!table || !name)
    return NULL;
  *table = (struct system_table)SYSTEM_TABLE(sequence->oid, sequence->schema_oid, name, own_columns, own_rows);
  return table;
}

// --- The catalogs ---------------------------------------------------------------------------------------------------

static const struct system_column sequence_columns[] = {
    C_OID("seqrelid"), C_OID("seqtypid"), C_INT8("seqstart"), C_INT8("seqincrement"),
    C_INT8("seqmax"),  C_INT8("seqmin"),  C_INT8("seqcache"), C_BOOL("seqcycle"),
};

ROWS(sequence_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_sequence(context, &oid))) {
    const struct sequence *sequence = &relation->sequence;
    status = ADD(number(relation->oid), number(type_info(sequence->type)->oid), number(sequence->start),
                 number(sequence->increment), number(sequence->maximum), number(sequence->minimum),
                 number(sequence->cache), truth(sequence->is_cycled));
  }
  return status;
}

static const struct system_column view_columns[] = {
    C_NAME("schemaname"), C_NAME("sequencename"), C_NAME("sequenceowner"), C_NAME("data_type"),
    C_INT8("start_value"), C_INT8("min_value"),   C_INT8("max_value"),     C_INT8("increment_by"),
    C_BOOL("cycle"),      C_INT8("cache_size"),   C_INT8("last_value"),
};

static bool may_read(const struct system_context *context, const struct relation *sequence)
{
  return !relation_require(context->version, context->settings->role, sequence, RIGHT_SELECT | RIGHT_USAGE, NULL, NULL);
}

ROWS(view_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_sequence(context, &oid))) {
    const struct sequence *sequence = &relation->sequence;
    struct sequence_state state;
    char owner[64];
    status = sequence_look(context->catalog, context->version, relation, &state, error);
    if (!status)
      status = ADD(value_string(system_schema_name(context, relation->schema_oid)), value_string(relation->name),
                   value_string(system_role_name(context, relation->owner, owner)), value_string(type_info(sequence->type)->name),
                   number(sequence->start), number(sequence->minimum), number(sequence->maximum),
                   number(sequence->increment), truth(sequence->is_cycled), number(sequence->cache),
                   state.is_called && may_read(context, relation) ? number(state.last) : value_null());
  }
  return status;
}

static const struct system_column information_columns[] = {
    C_NAME("sequence_catalog"),  C_NAME("sequence_schema"),         C_NAME("sequence_name"),
    C_TEXT("data_type"),         C_INT4("numeric_precision"),       C_INT4("numeric_precision_radix"),
    C_INT4("numeric_scale"),     C_TEXT("start_value"),             C_TEXT("minimum_value"),
    C_TEXT("maximum_value"),     C_TEXT("increment"),               C_TEXT("cycle_option"),
};

ROWS(information_rows)
{
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_sequence(context, &oid))) {
    const struct sequence *sequence = &relation->sequence;
    if (is_internal(owner_of(context, relation), relation))
      continue;
    int bits = sequence->type == TYPE_INT2 ? 16 : sequence->type == TYPE_INT4 ? 32 : 64;
    status = ADD(value_string(context->settings->database),
                 value_string(system_schema_name(context, relation->schema_oid)), value_string(relation->name),
                 value_string(type_info(sequence->type)->name), number(bits), number(2), number(0),
                 system_text(sink, "%lld", (long long)sequence->start),
                 system_text(sink, "%lld", (long long)sequence->minimum),
                 system_text(sink, "%lld", (long long)sequence->maximum),
                 system_text(sink, "%lld", (long long)sequence->increment),
                 value_string(sequence->is_cycled ? "YES" : "NO"));
  }
  return status;
}

static const struct system_column depend_columns[] = {C_OID("classid"),    C_OID("objid"),    C_INT4("objsubid"),
                                                      C_OID("refclassid"), C_OID("refobjid"), C_INT4("refobjsubid"),
                                                      C_CHAR("deptype")};

// Of dependencies those of owned sequences: psql and drivers look for them.
ROWS(depend_rows)
{
  enum { CLASS_RELATION = 1259 };
  uint32_t oid = 0;
  int status = 0;
  const struct relation *relation;
  while (!status && (relation = next_sequence(context, &oid))) {
    const struct relation *owner = owner_of(context, relation);
    if (owner)
      status = ADD(number(CLASS_RELATION), number(relation->oid), number(0), number(CLASS_RELATION), number(owner->oid),
                   number(relation->sequence.owner_column + 1), value_string(is_internal(owner, relation) ? "i" : "a"));
  }
  return status;
}

const struct system_table sequence_tables[] = {
    SYSTEM_TABLE(2224, SCHEMA_PG_CATALOG, "pg_sequence", sequence_columns, sequence_rows),
    SYSTEM_TABLE(12048, SCHEMA_PG_CATALOG, "pg_sequences", view_columns, view_rows),
    SYSTEM_TABLE(2608, SCHEMA_PG_CATALOG, "pg_depend", depend_columns, depend_rows),
    SYSTEM_TABLE(13007, SCHEMA_INFORMATION, "sequences", information_columns, information_rows),
    {0},
};

// --- Columns ----------------------------------------------------------------------------------------------------------

// pg_catalog.type_16384 as the type is called.
static void append_types(struct system_context *context, struct bytes text, struct buffer *out)
{
  static const char before[] = "pg_catalog.type_";
  const char *at = (const char *)text.data, *end = at + text.size;
  for (const char *found; (found = memmem(at, (size_t)(end - at), before, strlen(before)));) {
    char name[200];
    char *close;
    unsigned long oid = strtoul(found + strlen(before), &close, 10);
    bool is_type = oid >= TYPE_USER_FIRST && oid < TYPE_USER_ARRAY &&
                   (system_type_name(context, (uint32_t)oid, -1, name, sizeof name) ||
                    system_type_name(context, (uint32_t)oid | TYPE_USER_ROW, -1, name, sizeof name));
    const char *rest = is_type ? close : found + 1;
    buffer_append(out, at, (size_t)((is_type ? found : rest) - at));
    if (is_type)
      buffer_append_string(out, name);
    at = rest;
  }
  buffer_append(out, at, (size_t)(end - at));
}

void append_default(struct system_context *context, const char *text, struct buffer *out)
{
  for (const char *found; (found = strstr(text, "nextval("));) {
    uint32_t oid = 0;
    int end = 0;
    struct system_object object;
    append_types(context, bytes_of(text, (size_t)(found + 8 - text)), out);
    text = found + 8;
    if (sscanf(text, "%u::oid)%n", &oid, &end) != 1 || end == 0 || !system_object_find(context, oid, &object))
      continue;
    buffer_append_u8(out, '\'');
    append_object(context, &object, out);
    buffer_append_string(out, "'::regclass)");
    text += end;
  }
  append_types(context, bytes_of_string(text), out);
}

const char *system_named_text(struct system_context *context, const char *text, struct arena *arena)
{
  struct buffer out = {0};
  append_default(context, text, &out);
  buffer_append_u8(&out, 0);
  const char *copy = out.failed ? NULL : arena_copy(arena, out.data, out.size);
  buffer_deinit(&out);
  return copy ? copy : text;
}

const char *system_default_text(struct system_context *context, const struct relation *relation, int column,
                                struct arena *arena)
{
  const char *text = relation->defaults ? relation->defaults[column].text : NULL;
  if (!text || relation->schema.columns[column].identity)
    return NULL;
  bool is_generated = relation->schema.columns[column].is_generated;
  const struct node *node = relation->defaults[column].node;
  bool is_number = text[strspn(text, "0123456789.")] == 0;
  bool is_deparsed = node && !is_number && !strstr(text, "nextval(");
  const char *shown = is_generated  ? relation->defaults[column].shown
                      : is_deparsed ? node_deparse_row(relation, node, arena)
                                    : NULL;
  return system_named_text(context, shown ? shown : text, arena);
}

const struct relation *system_serial_sequence(struct system_context *context, uint32_t table, int column)
{
  uint32_t oid = 0;
  const struct relation *relation;
  while ((relation = next_sequence(context, &oid)))
    if (relation->sequence.owner == table && relation->sequence.owner_column == column)
      return relation;
  return NULL;
}
