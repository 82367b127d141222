// Constraints of a row: NOT NULL and CHECK, and the errors of all constraints as PostgreSQL words them.
#include <stdio.h>
#include <string.h>

#include "base/sqlstate.h"
#include "table/internal.h"

// Details are cut so that they fit struct error whole, in characters.
enum { VALUE_BYTES = 64, DETAIL_BYTES = 440 };

static size_t clip(const uint8_t *text, size_t size, size_t limit)
{
  if (size <= limit)
    return size;
  while (limit > 0 && (text[limit] & 0xc0) == 0x80)
    limit--;
  return limit;
}

static void clip_buffer(struct buffer *text, size_t start, size_t limit)
{
  size_t size = clip(text->data + start, text->size - start, limit);
  if (size == text->size - start)
    return;
  text->size = start + size;
  buffer_append_string(text, "...");
}

static const struct format_settings *settings_of(const struct writer *writer)
{
  const struct evaluation *evaluation = writer->evaluation;
  return evaluation && evaluation->settings ? evaluation->settings : &format_settings_default;
}

static void append_value(struct writer *writer, struct buffer *text, enum type_id type, const struct value *value)
{
  if (value->is_null)
    buffer_append_string(text, "null");
  else
    value_to_text(type, value, settings_of(writer), text);
}

static void copy_name(char *to, const char *from)
{
  size_t size = from ? strnlen(from, 63) : 0;
  if (size)
    memcpy(to, from, size);
  to[size] = 0;
}

void constraint_names(struct writer *writer, const struct relation *relation, const char *column,
                      const char *constraint)
{
  struct error *error = writer->error;
  if (!error)
    return;
  copy_name(error->schema, catalog_schema_name(writer->catalog, writer->version, relation->schema_oid));
  copy_name(error->table, relation->name);
  copy_name(error->column, column);
  copy_name(error->constraint, constraint);
}

void table_failing_row(struct writer *writer, const struct relation *relation, const struct value *values)
{
  struct buffer *text = &writer->catalog->scratch.text;
  buffer_clear(text);
  bool is_first = true;
  for (int i = 0; i < relation->schema.column_count && text->size < DETAIL_BYTES; i++) {
    const struct column *column = &relation->schema.columns[i];
    if (column->is_dropped)
      continue;
    buffer_append_string(text, is_first ? "" : ", ");
    size_t start = text->size;
    append_value(writer, text, column->type.id, &values[i]);
    if (!text->failed)
      clip_buffer(text, start, VALUE_BYTES);
    is_first = false;
  }
  if (text->failed)
    return; // the error stands without its detail
  clip_buffer(text, 0, DETAIL_BYTES);
  error_detail(writer->error, "Failing row contains (%.*s).", (int)text->size, (const char *)text->data);
}

int constraint_null_error(struct writer *writer, const struct relation *relation, int column, const struct value *values)
{
  const char *name = relation->schema.columns[column].name;
  int status = error_set(writer->error, SQLSTATE_NOT_NULL_VIOLATION,
                         "null value in column \"%s\" of relation \"%s\" violates not-null constraint", name,
                         relation->name);
  table_failing_row(writer, relation, values);
  constraint_names(writer, relation, name, NULL);
  return status;
}

// "Key (a, b)=(1, 2) already exists."
static void key_detail(struct writer *writer, const struct relation *relation, const uint16_t *columns, int count,
                       const struct value *values, const char *what)
{
  struct buffer *text = &writer->catalog->scratch.text;
  buffer_clear(text);
  for (int i = 0; i < count; i++) {
    buffer_append_string(text, i ? ", " : "");
    if (relation_is_expression(relation, columns[i]))
      expression_append_part(relation_expression(relation, columns[i])->shown, true, text);
    else
      buffer_append_string(text, relation->schema.columns[columns[i]].name);
  }
  buffer_append_string(text, ")=(");
  for (int i = 0; i < count && text->size < DETAIL_BYTES; i++) {
    buffer_append_string(text, i ? ", " : "");
    append_value(writer, text, relation->schema.columns[columns[i]].type.id, &values[columns[i]]);
  }
  if (text->failed)
    return;
  clip_buffer(text, 0, DETAIL_BYTES);
  error_detail(writer->error, "Key (%.*s) %s.", (int)text->size, (const char *)text->data, what);
}

int constraint_unique_error(struct writer *writer, const struct relation *relation, const struct index *index,
                            const struct value *values, enum unique_wording wording)
{
  int status = wording == UNIQUE_EXISTS
                 ? error_set(writer->error, SQLSTATE_UNIQUE_VIOLATION,
                             "duplicate key value violates unique constraint \"%s\"", index->name)
                 : error_set(writer->error, SQLSTATE_UNIQUE_VIOLATION, "could not create unique index \"%s\"",
                             index->name);
  uint16_t columns[64]; // of more the detail has no room to tell
  int count = index->part_count < 64 ? index->part_count : 64;
  for (int i = 0; i < count; i++)
    columns[i] = index->parts[i].column;
  key_detail(writer, relation, columns, count, values, wording == UNIQUE_EXISTS ? "already exists" : "is duplicated");
  constraint_names(writer, relation, NULL, index->name);
  return status;
}

// --- Foreign keys ---------------------------------------------------------------------------------

static int child_error(struct writer *writer, const struct reference *reference)
{
  int status = error_set(writer->error, SQLSTATE_FOREIGN_KEY_VIOLATION,
                         "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
                         reference->child->name, reference->key->name);
  constraint_names(writer, reference->child, NULL, reference->key->name);
  return status;
}

int constraint_missing_error(struct writer *writer, const struct reference *reference, const struct value *child_values)
{
  char what[128];
  snprintf(what, sizeof what, "is not present in table \"%s\"", reference->parent->name);
  int status = child_error(writer, reference);
  key_detail(writer, reference->child, reference->key->columns, reference->key->part_count, child_values, what);
  return status;
}

int constraint_mixed_error(struct writer *writer, const struct reference *reference)
{
  int status = child_error(writer, reference);
  error_detail(writer->error, "MATCH FULL does not allow mixing of null and nonnull key values.");
  return status;
}

int constraint_referenced_error(struct writer *writer, const struct reference *reference,
                                const struct value *parent_values)
{
  char what[128];
  snprintf(what, sizeof what, "is still referenced from table \"%s\"", reference->child->name);
  int status = error_set(writer->error, SQLSTATE_FOREIGN_KEY_VIOLATION,
                         "update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"",
                         reference->parent->name, reference->key->name, reference->child->name);
  key_detail(writer, reference->parent, reference->key->referenced_columns, reference->key->part_count, parent_values,
             what);
  constraint_names(writer, reference->child, NULL, reference->key->name);
  return status;
}

// --- CHECK ------------------------------------------------------------------------------------------

static int check_violated(struct writer *writer, const struct relation *relation, const struct constraint *check,
                          const struct value *values)
{
  int status = error_set(writer->error, SQLSTATE_CHECK_VIOLATION,
                         "new row for relation \"%s\" violates check constraint \"%s\"", relation->name, check->name);
  table_failing_row(writer, relation, values);
  constraint_names(writer, relation, NULL, check->name);
  return status;
}

static int run_checks(struct writer *writer, const struct relation *relation, const struct value *values, bool only_valid)
{
  int status = STATUS_OK;
  for (int i = 0; i < relation->check_count && !status; i++) {
    struct value result;
    if ((only_valid || writer->moves_rows) && relation->checks[i].is_not_valid)
      continue;
    status = program_run(relation->checks[i].check.program, writer->evaluation, &result);
    if (!status && !result.is_null && !result.integer) // NULL passes
      status = check_violated(writer, relation, &relation->checks[i], values);
  }
  return status;
}

// Those that came later and did not look at what there was hold of new rows alone.
static int run_domains(struct writer *writer, const struct relation *relation, const struct value *values, bool only_valid)
{
  int status = STATUS_OK;
  for (int i = 0; i < relation->schema.column_count && !status && !only_valid; i++)
    if (relation->domains[i])
      status = domain_test(relation->domains[i], writer->evaluation, &values[i]);
  return status;
}

// Runs one of the two over the row.
static int run_tests(struct writer *writer, const struct relation *relation, const struct value *values, bool only_valid,
                     int (*tests)(struct writer *writer, const struct relation *relation, const struct value *values,
                                  bool only_valid))
{
  int status = catalog_compile(writer->catalog, writer->version, relation, writer->error);
  if (status)
    return status;
  struct evaluation *evaluation = writer->evaluation;
  struct value *const row[1] = {(struct value *)values};
  struct value *const *ranges = evaluation->ranges;
  struct arena *arena = evaluation->arena;
  struct error *error = evaluation->error;
  struct arena_mark mark = arena_mark(writer->arena);
  evaluation->ranges = row;
  evaluation->arena = writer->arena;
  evaluation->error = writer->error;
  status = tests(writer, relation, values, only_valid);
  arena_release(writer->arena, mark);
  evaluation->ranges = ranges;
  evaluation->arena = arena;
  evaluation->error = error;
  return status;
}

static int check(struct writer *writer, const struct relation *relation, const struct value *values, bool only_valid)
{
  const struct schema *schema = &relation->schema;
  int status = relation->has_domains ? run_tests(writer, relation, values, only_valid, run_domains) : STATUS_OK;
  for (int i = 0; i < schema->column_count && !status; i++)
    if (values[i].is_null && schema->columns[i].not_null && !schema->columns[i].is_dropped)
      return constraint_null_error(writer, relation, i, values);
  return !status && relation->check_count ? run_tests(writer, relation, values, only_valid, run_checks) : status;
}

int constraint_check(struct writer *writer, const struct relation *relation, const struct value *values)
{
  return check(writer, relation, values, false);
}

int constraint_verify(struct writer *writer, const struct relation *relation, const struct value *values)
{
  return check(writer, relation, values, true);
}
