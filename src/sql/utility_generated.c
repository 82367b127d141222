// Generated columns: how they are defined and altered. Their values are made where rows are written (table_generate).
#include <stdio.h>

#include "expr/node.h"
#include "sql/utility_internal.h"

const PgQuery__Constraint *generated_of(const PgQuery__ColumnDef *column)
{
  for (size_t i = 0; i < column->n_constraints; i++)
    if (column->constraints[i]->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED)
      return column->constraints[i]->constraint;
  return NULL;
}

// What cannot stand beside the expression.
static int refuse_others(const struct utility_input *input, const struct relation *definition,
                         const PgQuery__ColumnDef *column, struct error *error)
{
  const PgQuery__Constraint *found = NULL;
  const char *beside = NULL;
  for (size_t i = 0; i < column->n_constraints; i++) {
    const PgQuery__Constraint *constraint = column->constraints[i]->constraint;
    bool is_generated = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED;
    if (is_generated && found)
      return utility_error(input, error, constraint->location, SQLSTATE_SYNTAX_ERROR,
                           "multiple generation clauses specified for column \"%s\" of table \"%s\"", column->colname,
                           definition->name);
    found = is_generated ? constraint : found;
    beside = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT    ? "default"
             : constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY ? "identity"
                                                                             : beside;
    if (found && beside)
      return utility_error(input, error, constraint->location, SQLSTATE_SYNTAX_ERROR,
                           "both %s and generation expression specified for column \"%s\" of table \"%s\"", beside,
                           column->colname, definition->name);
  }
  if (column_draws(column))
    return utility_error(input, error, -1, SQLSTATE_SYNTAX_ERROR,
                         "both default and generation expression specified for column \"%s\" of table \"%s\"",
                         column->colname, definition->name);
  if (definition->kind == RELATION_SOURCE)
    return utility_unsupported(input, error, column->location, "generated columns of a source are");
  return 0;
}

struct reading {
  const struct relation *definition;
  const struct node *found;
};

static bool find_generated(const struct node *node, void *context)
{
  struct reading *reading = context;
  if (node->kind == NODE_COLUMN && reading->definition->schema.columns[node->column].is_generated)
    reading->found = node;
  return !reading->found;
}

int generated_check(const struct utility_input *input, const struct relation *definition, const struct node *node,
                    struct error *error)
{
  struct reading reading = {.definition = definition};
  node_walk(node, find_generated, &reading);
  if (!reading.found)
    return 0;
  int status = utility_error(input, error, reading.found->position, SQLSTATE_INVALID_OBJECT_DEFINITION,
                             "cannot use generated column \"%s\" in column generation expression",
                             definition->schema.columns[reading.found->column].name);
  error_detail(error, "A generated column cannot reference another generated column.");
  return status;
}

int generated_add(const struct utility_input *input, struct relation *definition, const PgQuery__ColumnDef *column,
                  struct error *error)
{
  int number = relation_column(definition, column->colname);
  const struct column *own = &definition->schema.columns[number];
  struct defined defined = {.type = own->type};
  int status = refuse_others(input, definition, column, error);
  if (!status)
    status = definition_expression(input, definition, generated_of(column)->raw_expr, PLACE_GENERATED, &defined, error);
  if (!status)
    status = default_check_type(input, own, defined.node, error);
  if (status && error && definition->oid) // PostgreSQL points into CREATE TABLE, not into ALTER TABLE
    error_position(error, 0);
  definition->defaults[number] = (struct expression_text){.text = defined.text, .shown = defined.shown};
  return status;
}

int generated_drop(const struct utility_input *input, struct relation *definition, const PgQuery__AlterTableCmd *command,
                   const struct relation **relation, struct error *error)
{
  int number;
  int status = column_find(definition, command->name, &number, error);
  if (status)
    return status;
  struct column *column = &definition->schema.columns[number];
  if (!column->is_generated && command->missing_ok) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION,
                   "column \"%s\" of relation \"%s\" is not a stored generated column, skipping", column->name,
                   definition->name);
    return 0;
  }
  if (!column->is_generated)
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "column \"%s\" of relation \"%s\" is not a stored generated column", column->name, definition->name);
  column->is_generated = false;
  definition->defaults[number] = (struct expression_text){0};
  return definition_store(input, definition, relation, error);
}

int generated_check_key(const struct relation *definition, const struct foreign_key *key, struct error *error)
{
  bool sets_on_delete = key->on_delete == FOREIGN_SET_NULL || key->on_delete == FOREIGN_SET_DEFAULT;
  bool sets_on_update =
      key->on_update == FOREIGN_SET_NULL || key->on_update == FOREIGN_SET_DEFAULT || key->on_update == FOREIGN_CASCADE;
  for (int i = 0; i < key->part_count; i++)
    if (definition->schema.columns[key->columns[i]].is_generated && (sets_on_delete || sets_on_update))
      return error_set(error, SQLSTATE_SYNTAX_ERROR,
                       "invalid %s action for foreign key constraint containing generated column",
                       sets_on_update ? "ON UPDATE" : "ON DELETE");
  return 0;
}

struct use {
  int column;
  bool is_read;
};

static bool find_use(const struct node *node, void *context)
{
  struct use *use = context;
  use->is_read |= node->kind == NODE_COLUMN && node->column == use->column;
  return true;
}

bool generated_reads(const struct relation *relation, int generated, int column)
{
  const struct node *node = relation->schema.columns[generated].is_generated ? relation->defaults[generated].node : NULL;
  struct use use = {.column = column};
  if (node)
    node_walk(node, find_use, &use);
  return use.is_read;
}
