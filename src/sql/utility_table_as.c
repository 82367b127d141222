// CREATE TABLE AS and SELECT INTO: a table with the columns that a query gives, and its rows.
//
// The rows come by an INSERT that is made of the query, in the same statement.
#include <stdio.h>

#include "sql/utility_internal.h"

struct table_as {
  const PgQuery__IntoClause *into;
  PgQuery__Node *query;
  bool is_into, if_not_exists;
};

static int refuse_forms(const struct utility_input *input, const struct table_as *as, struct error *error)
{
  const PgQuery__IntoClause *into = as->into;
  int32_t at = into->rel->location;
  if (as->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    return utility_unsupported(input, error, at, "CREATE TABLE AS EXECUTE is");
  if (utility_text_given(into->table_space_name) && strcmp(into->table_space_name, "pg_default") != 0)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist", into->table_space_name);
  if (utility_text_given(into->access_method) && strcmp(into->access_method, "heap") != 0)
    return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "access method \"%s\" does not exist", into->access_method);
  return table_storage_options(input, into->options, into->n_options, error);
}

static int bind_one(const struct utility_input *input, PgQuery__Node *node, struct statement **statement,
                    struct error *error)
{
  struct parsed parsed = {.node = node, .text = input->parsed->text, .start = input->parsed->start};
  struct bind_input bind = {
      .catalog = input->catalog,
      .version = input->writer->version,
      .settings = input->settings,
      .parsed = &parsed,
      .text = input->text,
      .mark = input->writer->mark,
      .arena = input->arena,
  };
  int status = bind_statement(&bind, statement, error);
  if (status || (*statement)->parameter_count == 0)
    return status;
  statement_release(*statement);
  return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "parameters in CREATE TABLE AS are not supported");
}

static int make_table(const struct utility_input *input, struct relation *definition, const struct table_as *as,
                      struct error *error)
{
  struct statement *statement;
  struct query_names names = {
      .names = as->into->col_names, .count = as->into->n_col_names, .too_many = "too many column names were specified"};
  int status = bind_one(input, as->query, &statement, error);
  if (status)
    return status;
  if (statement->column_count > LIMIT_COLUMNS)
    status = error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", LIMIT_COLUMNS);
  if (!status)
    status = query_columns(input, definition, statement, &names, error);
  for (int i = 0; i < definition->schema.column_count && !status; i++)
    status = composite_check(input, definition->schema.columns[i].name, definition->schema.columns[i].type.id, error);
  statement_release(statement);
  return status ? status : catalog_create(input->catalog, input->writer, definition, error);
}

static int run_insert(const struct utility_input *input, struct statement *statement, uint64_t *rows, struct error *error)
{
  struct plan_input planning = {.statement = statement, .version = input->writer->version, .arena = input->arena};
  struct plan *plan;
  int status = plan_statement(&planning, &plan, error);
  struct execution *execution = status ? NULL : execution_open(plan, input->arena->account);
  if (!execution)
    return status ? status : error_memory(error);
  const struct value *row;
  status = execution_start(execution, input->execution, error);
  while (!status && (status = execution_next(execution, &row, error)) > 0)
    status = 0;
  *rows = execution_row_count(execution);
  execution_close(execution);
  return status;
}

// INSERT INTO the table, of the query.
static int fill_table(const struct utility_input *input, const struct relation *table, const struct table_as *as,
                      uint64_t *rows, struct error *error)
{
  PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
  PgQuery__InsertStmt insert = PG_QUERY__INSERT_STMT__INIT;
  PgQuery__Node node = PG_QUERY__NODE__INIT;
  const char *schema = catalog_schema_name(input->catalog, input->writer->version, table->schema_oid);
  name.schemaname = (char *)(uintptr_t)schema;
  name.relname = (char *)(uintptr_t)table->name;
  name.relpersistence = (char *)(uintptr_t) "p";
  name.inh = true;
  name.location = -1;
  insert.relation = &name;
  insert.select_stmt = as->query;
  insert.override = PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET;
  node.node_case = PG_QUERY__NODE__NODE_INSERT_STMT;
  node.insert_stmt = &insert;
  struct statement *statement;
  int status = bind_one(input, &node, &statement, error);
  if (status)
    return status;
  status = run_insert(input, statement, rows, error);
  statement_release(statement);
  return status;
}

static int create(const struct utility_input *input, const struct table_as *as, const char **tag, struct error *error)
{
  int status = refuse_forms(input, as, error);
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (status || !definition)
    return status ? status : error_memory(error);
  definition->kind = RELATION_TABLE;
  definition->owner = input->settings->role;
  snprintf(definition->name, sizeof definition->name, "%s", as->into->rel->relname);
  status = utility_schema(input, as->into->rel, &definition->schema_oid, error);
  if (!status)
    status = table_on_commit(definition, as->into->on_commit, error);
  if (status)
    return status;
  if (catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name)) {
    if (!as->if_not_exists)
      return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", definition->name);
    utility_notice(input, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", definition->name);
    return 0;
  }
  uint64_t rows = 0;
  status = make_table(input, definition, as, error);
  if (status || as->into->skip_data)
    return status;
  status = fill_table(input, definition, as, &rows, error);
  *tag = status ? *tag : arena_format(input->arena, "SELECT %llu", (unsigned long long)rows);
  return status || *tag ? status : error_memory(error);
}

int table_create_as(const struct utility_input *input, const PgQuery__CreateTableAsStmt *tree, const char **tag,
                    struct error *error)
{
  struct table_as as = {.into = tree->into, .query = tree->query, .if_not_exists = tree->if_not_exists};
  return create(input, &as, tag, error);
}

int table_select_into(const struct utility_input *input, const PgQuery__SelectStmt *tree, const char **tag,
                      struct error *error)
{
  PgQuery__SelectStmt select = *tree;
  PgQuery__Node node = PG_QUERY__NODE__INIT;
  select.into_clause = NULL;
  node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
  node.select_stmt = &select;
  struct table_as as = {.into = tree->into_clause, .query = &node, .is_into = true};
  return create(input, &as, tag, error);
}
