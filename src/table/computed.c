// What is computed of a row: generated columns; and, of indexes over expressions, or over some of a table's rows, what such an
// index has of it.
//
// 1. It hangs on the row alone. Only pure functions are let in, and they run under settings that are always the same: so
//    who changes a row, who makes the index again and who recovers it come to the same entry.
// 2. The predicate goes first: an expression is not asked about a row that has no entry.
#include "base/sqlstate.h"
#include "expr/node.h"
#include "table/internal.h"

static int evaluate(struct catalog *catalog, const struct version *version, const struct relation *relation, int column,
                    struct value *values, struct error *error)
{
  const struct expression_text *expression = relation_expression(relation, column);
  struct value *const row[1] = {values};
  struct evaluation evaluation = {
    .ranges = row, .arena = &catalog->scratch.arena, .settings = &format_settings_default, .error = error};
  int status = expression->program ? STATUS_OK : catalog_compile(catalog, version, relation, error);
  return status ? status : program_run(expression->program, &evaluation, &values[column]);
}

int index_compute(struct catalog *catalog, const struct version *version, const struct relation *relation,
                  const struct index *index, struct value *values,
                  bool *is_in, struct error *error)
{
  int status = STATUS_OK;
  *is_in = true;
  if (!index->is_computed)
    return STATUS_OK;
  if (index->is_partial) {
    status = evaluate(catalog, version, relation, index->predicate, values, error);
    *is_in = !status && !values[index->predicate].is_null && values[index->predicate].integer;
  }
  for (int i = 0; i < index->part_count && *is_in && !status; i++)
    if (relation_is_expression(relation, index->parts[i].column))
      status = evaluate(catalog, version, relation, index->parts[i].column, values, error);
  return status;
}

int table_generate(struct catalog *catalog, const struct version *version, const struct relation *relation,
                   struct value *values, struct arena *arena,
                   struct error *error)
{
  if (!relation->has_generated)
    return STATUS_OK;
  struct value *const row[1] = {values};
  struct evaluation evaluation = {.ranges = row, .arena = arena, .settings = &format_settings_default, .error = error};
  int status = catalog_compile(catalog, version, relation, error);
  for (int i = 0; i < relation->schema.column_count && !status; i++)
    if (relation->schema.columns[i].is_generated)
      status = program_run(relation->defaults[i].program, &evaluation, &values[i]);
  return status;
}

// --- Which columns it reads -----------------------------------------------------------------------------------------

struct reading {
  uint16_t *columns;
  int count;
};

static bool note_column(const struct node *node, void *context)
{
  struct reading *reading = context;
  if (node->kind != NODE_COLUMN)
    return true;
  for (int i = 0; i < reading->count; i++)
    if (reading->columns[i] == node->column)
      return true;
  reading->columns[reading->count++] = (uint16_t)node->column;
  return true;
}

bool index_note_reads(const struct relation *relation, struct index *index, struct arena *arena)
{
  struct reading reading = {.columns = ARENA_ARRAY(arena, uint16_t, relation->schema.column_count + 1)};
  if (!reading.columns)
    return false;
  for (int i = 0; i < index->part_count; i++)
    if (relation_is_expression(relation, index->parts[i].column))
      node_walk(relation_expression(relation, index->parts[i].column)->node, note_column, &reading);
  if (index->is_partial)
    node_walk(relation_expression(relation, index->predicate)->node, note_column, &reading);
  index->reads = reading.columns;
  index->read_count = reading.count;
  return true;
}
