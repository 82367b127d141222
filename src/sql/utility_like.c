// CREATE TABLE (… LIKE other INCLUDING …): another table's columns, and what else of it is asked for.
#include <stdio.h>

#include "sql/utility_internal.h"

enum { // as in PostgreSQL's parser
  LIKE_CONSTRAINTS = 1 << 2,
  LIKE_DEFAULTS = 1 << 3,
  LIKE_GENERATED = 1 << 4,
  LIKE_IDENTITY = 1 << 5,
  LIKE_INDEXES = 1 << 6,
};

static int find_source(const struct utility_input *input, const PgQuery__TableLikeClause *like,
                       const struct relation **source, struct error *error)
{
  struct name_scope scope = utility_scope(input);
  const char *schema = utility_text_given(like->relation->schemaname) ? like->relation->schemaname : NULL;
  int status = catalog_find(input->catalog, input->writer->version, &scope, schema, like->relation->relname, "rvf",
                            RIGHT_SELECT, false, source, error);
  if (status && error) {
    error->hint[0] = 0; // it is about DROP
    error_position(error, parse_position(input->text, like->relation->location));
  }
  return status;
}

int like_column_count(const struct utility_input *input, const PgQuery__TableLikeClause *like, int *count,
                      struct error *error)
{
  const struct relation *source;
  int status = find_source(input, like, &source, error);
  *count = status ? 0 : source->schema.column_count;
  return status;
}

int like_columns(const struct utility_input *input, struct relation *definition, const PgQuery__TableLikeClause *like,
                 struct error *error)
{
  const struct relation *source;
  int status = find_source(input, like, &source, error);
  for (int i = 0; !status && i < source->schema.column_count; i++) {
    struct column column = source->schema.columns[i];
    if (column.is_dropped)
      continue;
    if (relation_column(definition, column.name) >= 0)
      return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once", column.name);
    if (definition->schema.column_count >= LIMIT_COLUMNS)
      return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
    uint32_t drawn = column.identity && (like->options & LIKE_IDENTITY) ? sequence_of_default(source->defaults[i].text) : 0;
    const struct relation *sequence = drawn ? catalog_find_oid(input->catalog, input->writer->version, drawn) : NULL;
    bool keeps_default =
        (like->options & (column.is_generated ? LIKE_GENERATED : LIKE_DEFAULTS)) && source->defaults && !column.identity;
    int number = definition->schema.column_count++;
    column.identity = sequence ? column.identity : IDENTITY_NOT;
    column.is_generated &= keeps_default;
    definition->schema.columns[number] = column;
    definition->defaults[number] = (struct expression_text){
        .text = keeps_default ? source->defaults[i].text : NULL, .shown = keeps_default ? source->defaults[i].shown : NULL};
    if (sequence)
      status = sequence_like(input, definition, number, sequence, error);
  }
  return status;
}

// A PRIMARY KEY or UNIQUE constraint over the columns of the other table's.
static int copy_key(const struct utility_input *input, struct relation *definition, const struct relation *source,
                    const struct index *index, struct error *error)
{
  PgQuery__Constraint key = PG_QUERY__CONSTRAINT__INIT;
  PgQuery__Node *nodes = ARENA_ARRAY(input->arena, PgQuery__Node, index->part_count);
  PgQuery__Node **list = ARENA_ARRAY(input->arena, PgQuery__Node *, index->part_count);
  PgQuery__String *names = ARENA_ARRAY(input->arena, PgQuery__String, index->part_count);
  if (!nodes || !list || !names)
    return error_memory(error);
  for (int i = 0; i < index->part_count; i++) {
    names[i] = (PgQuery__String)PG_QUERY__STRING__INIT;
    names[i].sval = source->schema.columns[index->parts[i].column].name;
    nodes[i] = (PgQuery__Node)PG_QUERY__NODE__INIT;
    nodes[i].node_case = PG_QUERY__NODE__NODE_STRING;
    nodes[i].string = &names[i];
    list[i] = &nodes[i];
  }
  key.contype = index_is_primary_key(index) ? PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY : PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE;
  key.keys = list;
  key.n_keys = (size_t)index->part_count;
  key.deferrable = index->is_deferrable;
  key.initdeferred = index->is_deferred;
  key.location = -1;
  return constraint_add_key(input, definition, &key, NULL, error);
}

// The expression of another table's index, over the columns of the same names here.
static int copy_expression(const struct utility_input *input, struct relation *definition, const struct relation *source,
                           int column, uint16_t *number, struct error *error)
{
  const struct expression_text *from = relation_expression(source, column);
  const struct column *own = &source->schema.columns[column];
  struct defined defined = {.text = from->text, .shown = from->shown, .type = own->type};
  return definition_add_expression(input, definition, &defined, own->name, number, error);
}

static int copy_part(const struct utility_input *input, struct relation *definition, const struct relation *source,
                     uint16_t column, uint16_t *number, struct error *error)
{
  if (relation_is_expression(source, column))
    return copy_expression(input, definition, source, column, number, error);
  *number = (uint16_t)relation_column(definition, source->schema.columns[column].name);
  return 0;
}

static int copy_index(const struct utility_input *input, struct relation *definition, const struct relation *source,
                      const struct index *index, struct error *error)
{
  struct index copy = *index;
  int status = 0;
  copy.oid = 0;
  copy.tree = 0;
  copy.parts = arena_copy(input->arena, index->parts, sizeof *index->parts * (size_t)index->part_count);
  copy.includes = ARENA_ARRAY(input->arena, uint16_t, index->include_count + 1);
  if (!copy.parts || !copy.includes)
    return error_memory(error);
  for (int i = 0; i < copy.part_count && !status; i++)
    status = copy_part(input, definition, source, index->parts[i].column, &copy.parts[i].column, error);
  for (int i = 0; i < copy.include_count && !status; i++)
    status = copy_part(input, definition, source, index->includes[i], &copy.includes[i], error);
  if (!status && copy.is_partial)
    status = copy_part(input, definition, source, index->predicate, &copy.predicate, error);
  if (status)
    return status;
  struct name_maker maker = {.input = input, .schema_oid = definition->schema_oid, .definition = definition};
  char columns[64];
  name_columns(definition, copy.parts, copy.part_count, columns);
  name_make(&maker, definition->name, columns, "idx", copy.name);
  return definition_add_index(input, definition, &copy, error);
}

int like_constraints(const struct utility_input *input, struct relation *definition, const PgQuery__TableLikeClause *like,
                     struct error *error)
{
  const struct relation *source;
  int status = find_source(input, like, &source, error);
  int checks = !status && (like->options & LIKE_CONSTRAINTS) ? source->check_count : 0;
  if (checks) {
    struct constraint *grown = ARENA_ARRAY(input->arena, struct constraint, definition->check_count + checks);
    if (!grown)
      return error_memory(error);
    if (definition->check_count)
      memcpy(grown, definition->checks, sizeof *grown * (size_t)definition->check_count);
    definition->checks = grown;
  }
  for (int i = 0; i < checks; i++) {
    if (relation_has_constraint(definition, source->checks[i].name))
      return error_set(error, SQLSTATE_DUPLICATE_OBJECT, "check constraint \"%s\" already exists", source->checks[i].name);
    struct constraint *check = &definition->checks[definition->check_count++];
    *check = source->checks[i];
    check->check.program = NULL;
  }
  bool with_indexes = !status && (like->options & LIKE_INDEXES);
  for (int i = 0; with_indexes && i < source->index_count && !status; i++) {
    const struct index *index = &source->indexes[i];
    status = index->is_constraint || index_is_primary_key(index) ? copy_key(input, definition, source, index, error)
                                                                 : copy_index(input, definition, source, index, error);
  }
  return status;
}
