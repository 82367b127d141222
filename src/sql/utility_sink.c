// CREATE SINK and ALTER SINK: a SELECT that a source drives, and options for the connector that writes its rows.
//
// A sink is kept as the text of its SELECT, with the columns that it gives. Its tree, under hidden row numbers, is the
// outbox: the rows that the connector has not made durable. Options are kept as they were given; `state` and
// `outbox_rows` are the engine's own, what the others mean is the connector's to say (hooks->check_sink). Those cannot
// be changed: the sink's position means something only to the connector and the options with which it was given.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/utility_internal.h"

static int refuse_forms(const struct utility_input *input, const PgQuery__CreateTableAsStmt *create, struct error *error)
{
  const PgQuery__IntoClause *into = create->into;
  if (into->skip_data || utility_text_given(into->access_method) || utility_text_given(into->table_space_name) ||
      strcmp(into->rel->relpersistence, "p") != 0 || input->parsed->body_count != 1)
    return utility_error(input, error, into->rel->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "a sink has a name, columns, WITH (options) and a SELECT, nothing else");
  return 0;
}

static int check_outbox(const struct relation *definition, struct error *error)
{
  const char *text = relation_option(definition, "outbox_rows");
  char *end;
  errno = 0;
  long long rows = text ? strtoll(text, &end, 10) : 1;
  if (!text || (!errno && end != text && !*end && rows >= 1 && rows <= INT32_MAX))
    return 0;
  int status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for option \"outbox_rows\": \"%s\"", text);
  error_hint(error, "It is a whole number of rows, at least 1.");
  return status;
}

static int check_options(const struct utility_input *input, const struct relation *definition, struct error *error)
{
  if (!relation_option(definition, "connector")) {
    int status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "sink \"%s\" has no connector", definition->name);
    error_hint(error, "Say where its rows go: WITH (connector = '...').");
    return status;
  }
  int status = check_outbox(definition, error);
  const struct utility_hooks *hooks = input->hooks;
  if (!status)
    status = connector_require(input, definition, error);
  return status || !hooks || !hooks->check_sink ? status : hooks->check_sink(hooks->context, definition, error);
}

// --- Columns ----------------------------------------------------------------------------------------------------

static struct type column_type(const struct target *target)
{
  struct type type = target->expression->type;
  return type.id == TYPE_UNKNOWN ? type_plain(TYPE_TEXT) : type;
}

static int add_column(struct relation *definition, const char *name, struct type type, struct error *error)
{
  if (relation_column(definition, name) >= 0)
    return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once", name);
  if (type.id == TYPE_VOID || type.id == TYPE_RECORD || type.id == TYPE_RECORD_ARRAY)
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" of a sink cannot be of type %s", name,
                     type_info(type.id)->name);
  struct column *column = &definition->schema.columns[definition->schema.column_count++];
  *column = (struct column){.type = type};
  snprintf(column->name, sizeof column->name, "%s", name);
  return 0;
}

// What the SELECT gives, under the names that stand behind the sink's own, as far as there are some.
static int take_columns(const struct utility_input *input, struct relation *definition, const struct statement *statement,
                        const PgQuery__IntoClause *into, struct error *error)
{
  int count = statement->column_count;
  if (count == 0 || count > LIMIT_COLUMNS)
    return error_set(error, SQLSTATE_TOO_MANY_COLUMNS, "a sink has between 1 and %d columns", LIMIT_COLUMNS);
  if (into->n_col_names > (size_t)count)
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "too many column names were specified");
  definition->schema.columns = ARENA_ARRAY(input->arena, struct column, count);
  if (!definition->schema.columns)
    return error_memory(error);
  int status = 0;
  for (int i = 0; i < count && !status; i++) {
    const struct target *target = &statement->columns[i];
    const char *name = (size_t)i < into->n_col_names ? utility_string(into->col_names[i]) : target->name;
    status = add_column(definition, name, column_type(target), error);
  }
  return status;
}

int sink_check(const struct utility_input *input, const struct relation *sink, struct error *error)
{
  struct parse *parse = parse_open(bytes_of_string(sink->text), error);
  if (!parse)
    return error->status;
  struct body body = {
      .statements = parse->statements,
      .count = parse->statement_count,
      .text = parse->text,
      .source = catalog_find_oid(input->catalog, input->writer->version, sink->dependencies[0]),
      .is_query = true,
  };
  struct statement *statement;
  int status = body.source ? body_bind_one(input, &body, 0, &statement, error) : error_memory(error);
  if (!status) {
    bool fits = statement->column_count == sink->schema.column_count;
    for (int i = 0; fits && i < statement->column_count; i++)
      fits = column_type(&statement->columns[i]).id == sink->schema.columns[i].type.id;
    if (!fits)
      status = error_set(error, SQLSTATE_DATATYPE_MISMATCH, "its SELECT would give other columns");
    statement_release(statement);
  }
  parse_close(parse);
  return status;
}

// --- CREATE and ALTER -------------------------------------------------------------------------------------------

static int fill(const struct utility_input *input, struct relation *definition, const PgQuery__CreateTableAsStmt *create,
                struct error *error)
{
  struct body body = {
      .statements = input->parsed->body, .count = 1, .text = input->text, .is_query = true};
  int status = body_find_driver(input, &body, error);
  if (status)
    return status;
  struct statement *statement;
  definition->dependencies = ARENA_ARRAY(input->arena, uint32_t, 1);
  definition->text = arena_copy(input->arena, body.statements->text.data, body.statements->text.size);
  if (!definition->dependencies || !definition->text)
    return error_memory(error);
  definition->dependencies[definition->dependency_count++] = body.source->oid;
  status = body_bind_one(input, &body, 0, &statement, error);
  if (status)
    return status;
  if (statement->claims_rows)
    status = utility_unsupported(input, error, body.statements->start, "FOR UPDATE or FOR SHARE in a sink is");
  if (!status)
    status = body_depend(input, definition, statement, error);
  if (!status)
    status = take_columns(input, definition, statement, create->into, error);
  statement_release(statement);
  if (!status)
    status = definition_options(input, definition, create->into->options, create->into->n_options, error);
  return status ? status : check_options(input, definition, error);
}

int sink_create(const struct utility_input *input, const PgQuery__CreateTableAsStmt *create, struct error *error)
{
  int status = refuse_forms(input, create, error);
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (status || !definition)
    return status ? status : error_memory(error);
  definition->kind = RELATION_SINK;
  definition->owner = input->settings->role;
  definition->state = "running";
  snprintf(definition->name, sizeof definition->name, "%s", create->into->rel->relname);
  status = utility_schema(input, create->into->rel, &definition->schema_oid, error);
  if (status)
    return status;
  bool exists = catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name) != 0;
  if (exists && create->if_not_exists) {
    utility_notice(input, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", definition->name);
    return 0;
  }
  if (exists)
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", definition->name);
  status = fill(input, definition, create, error);
  if (!status) // a text that is not a statement by itself (WITH DATA behind it) would not be one when it is read again
    status = sink_check(input, definition, error);
  return status ? status : catalog_create(input->catalog, input->writer, definition, error);
}

// The engine's own options alone.
static int check_altered(const struct utility_input *input, const struct relation *sink, PgQuery__Node **options, size_t count,
                         struct error *error)
{
  for (size_t i = 0; i < count; i++) {
    const PgQuery__DefElem *element = options[i]->def_elem;
    bool is_own = !utility_text_given(element->defnamespace) &&
                  (strcmp(element->defname, "state") == 0 || strcmp(element->defname, "outbox_rows") == 0);
    if (is_own)
      continue;
    int status = utility_error(input, error, element->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                               "option \"%s\" of sink \"%s\" cannot be changed", element->defname, sink->name);
    error_hint(error, "Drop the sink and create it anew. state and outbox_rows can be set.");
    return status;
  }
  return 0;
}

int sink_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  const struct relation *relation;
  struct relation *definition;
  int status = utility_find_to_alter(input, alter, "k", &relation, &definition, error);
  if (status || !relation)
    return status;
  for (size_t i = 0; i < alter->n_cmds && !status; i++) {
    const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
    if (command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions || !command->def ||
        command->def->node_case != PG_QUERY__NODE__NODE_LIST)
      return utility_unsupported(input, error, -1, "ALTER SINK has SET (...) and RENAME; other forms are");
    const PgQuery__List *list = command->def->list;
    status = check_altered(input, relation, list->items, list->n_items, error);
    if (!status)
      status = definition_options(input, definition, list->items, list->n_items, error);
  }
  if (!status)
    status = check_outbox(definition, error);
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}
