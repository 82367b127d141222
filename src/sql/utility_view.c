// CREATE VIEW, ALTER VIEW, and what becomes of views when what they read is changed.
//
// A view is kept as the text of its query (sql/view.h), with the columns that it gives and the relations that the query
// names. Which columns of a table it needs is not kept: binding it tells.
#include <stdio.h>

#include "sql/utility_internal.h"
#include "sql/view.h"
#include "sql/view_base.h"

// --- Binding its query ---------------------------------------------------------------------------------------------

struct parameter_search {
  int number, location;
};

// The first parameter that the text names.
static void find_parameter(ProtobufCMessage *message, void *context)
{
  struct parameter_search *search = context;
  if (message->descriptor != &pg_query__param_ref__descriptor)
    return;
  const PgQuery__ParamRef *parameter = (const PgQuery__ParamRef *)(void *)message;
  if (search->location >= 0 && search->location <= parameter->location)
    return;
  *search = (struct parameter_search){parameter->number, parameter->location};
}

static int bind_query(const struct utility_input *input, const struct parsed *parsed, struct bytes text,
                      struct view_names *names, struct statement **statement, struct error *error)
{
  struct bind_input bind = {
      .catalog = input->catalog,
      .version = input->writer->version,
      .settings = input->settings,
      .parsed = parsed,
      .text = text,
      .names = names,
      .mark = input->writer->mark,
      .arena = input->arena,
  };
  int status = bind_statement(&bind, statement, error);
  if (status || (*statement)->parameter_count == 0)
    return status;
  statement_release(*statement);
  struct parameter_search search = {.number = INT32_MAX, .location = -1};
  parse_walk(&((PgQuery__Node *)(uintptr_t)parsed->node)->base, find_parameter, &search);
  return utility_error(input, error, search.location, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d",
                       search.number);
}

static struct type column_type(const struct target *target)
{
  struct type type = target->expression->type;
  return type.id == TYPE_UNKNOWN ? type_plain(TYPE_TEXT) : type;
}

int query_columns(const struct utility_input *input, struct relation *definition, const struct statement *statement,
                  const struct query_names *names, struct error *error)
{
  int count = statement->column_count;
  if (names->count > (size_t)count)
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "%s", names->too_many);
  struct schema *schema = &definition->schema;
  schema->columns = ARENA_ARRAY(input->arena, struct column, count + 1);
  if (!schema->columns)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    const struct target *target = &statement->columns[i];
    const char *name = (size_t)i < names->count ? utility_string(names->names[i]) : target->name;
    struct column *column = &schema->columns[i];
    if (relation_column(definition, name) >= 0)
      return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once", name);
    *column = (struct column){.type = column_type(target)};
    snprintf(column->name, sizeof column->name, "%s", name);
    if (column->type.id == TYPE_VOID || column->type.id == TYPE_RECORD || column->type.id == TYPE_RECORD_ARRAY)
      return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" has pseudo-type %s", name,
                       UTILITY_TYPE_NAME(input, column->type.id));
    schema->column_count++;
  }
  return 0;
}

static int has_columns(const struct relation *definition, const struct statement *statement, struct error *error)
{
  bool fits = statement->column_count == definition->schema.column_count;
  for (int i = 0; fits && i < statement->column_count; i++)
    fits = column_type(&statement->columns[i]).id == definition->schema.columns[i].type.id;
  return fits ? 0 : error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this query cannot be kept as a view's text");
}

// The text that is kept, and what it depends on. The query is parsed anew, since what is written out of it changes it.
static int take_text(const struct utility_input *input, struct relation *definition, const PgQuery__Node *query,
                     struct error *error)
{
  const char *text;
  int status = bind_deparse_query(query, input->arena, &text, error);
  if (!status)
    status = types_numbered(input, true, &text, error);
  struct parse *parse = status ? NULL : parse_open(bytes_of_string(text), error);
  if (!parse)
    return status ? status : (int)error->status;
  struct view_names names = {.arena = input->arena};
  struct statement *statement;
  status = bind_query(input, &parse->statements[0], parse->text, &names, &statement, error);
  if (!status) {
    statement_release(statement);
    status = view_text(parse->tree->stmts[0]->stmt, &names, input->arena, &definition->text, error);
  }
  parse_close(parse);
  if (status)
    return status;
  definition->dependencies = names.relations;
  definition->dependency_count = names.relation_count;
  parse = parse_open(bytes_of_string(definition->text), error);
  if (!parse)
    return error->status;
  status = bind_query(input, &parse->statements[0], parse->text, NULL, &statement, error);
  if (!status) {
    status = has_columns(definition, statement, error);
    statement_release(statement);
  }
  parse_close(parse);
  return status;
}

static int refuse_reading(const struct relation *definition, const struct statement *statement, struct error *error)
{
  for (int i = 0; definition->oid && i < statement->relation_count; i++)
    if (statement->relations[i]->oid == definition->oid)
      return error_set(error, SQLSTATE_INVALID_OBJECT_DEFINITION,
                       "infinite recursion detected in rules for relation \"%s\"", definition->name);
  if (statement->claims_rows)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "FOR UPDATE or FOR SHARE in a view is not supported");
  return 0;
}

static void find_change(ProtobufCMessage *message, void *context)
{
  bool *found = context;
  *found |= message->descriptor == &pg_query__insert_stmt__descriptor ||
            message->descriptor == &pg_query__update_stmt__descriptor ||
            message->descriptor == &pg_query__delete_stmt__descriptor;
}

static int fill(const struct utility_input *input, struct relation *definition, const PgQuery__ViewStmt *create,
                struct error *error)
{
  if (create->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
    return utility_unsupported(input, error, -1, "this query of a view is");
  if (create->query->select_stmt->into_clause)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "views must not contain SELECT INTO");
  bool changes = false;
  parse_walk(&create->query->base, find_change, &changes);
  if (changes)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "views must not contain data-modifying statements in WITH");
  struct query_names names = {.names = create->aliases,
                              .count = create->n_aliases,
                              .too_many = "CREATE VIEW specifies more column names than columns"};
  struct parsed query = {.node = create->query, .text = input->parsed->text, .start = input->parsed->start};
  struct statement *statement;
  int status = bind_query(input, &query, input->text, NULL, &statement, error);
  if (status)
    return status;
  status = refuse_reading(definition, statement, error);
  if (!status)
    status = query_columns(input, definition, statement, &names, error);
  statement_release(statement);
  return status ? status : take_text(input, definition, create->query, error);
}

// --- CREATE --------------------------------------------------------------------------------------------------------

static const char *option_value(const PgQuery__DefElem *option)
{
  if (!option->arg)
    return "true";
  switch (option->arg->node_case) {
  case PG_QUERY__NODE__NODE_STRING: return option->arg->string->sval;
  case PG_QUERY__NODE__NODE_INTEGER: return option->arg->integer->ival == 1 ? "true" : "false";
  case PG_QUERY__NODE__NODE_BOOLEAN: return option->arg->boolean->boolval ? "true" : "false";
  case PG_QUERY__NODE__NODE_TYPE_NAME: return utility_string(option->arg->type_name->names[0]);
  default: return "";
  }
}

// As it is kept: "true", "false", "local", "cascaded".
static int read_option(const PgQuery__DefElem *option, struct option *result, struct error *error)
{
  static const char *const names[] = {"check_option", "security_barrier", "security_invoker"};
  static const char *const truths[] = {"true", "on", "yes", "1", "t", "y"};
  static const char *const lies[] = {"false", "off", "no", "0", "f", "n"};
  const char *value = option_value(option);
  *result = (struct option){0};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(option->defname, names[i]) == 0)
      result->name = names[i];
  if (!result->name)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", option->defname);
  if (result->name == names[0]) {
    result->value = strcasecmp(value, "local") == 0 ? "local" : strcasecmp(value, "cascaded") == 0 ? "cascaded" : NULL;
    if (result->value)
      return 0;
    int status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for enum option \"%s\": %s",
                           option->defname, value);
    error_detail(error, "Valid values are \"local\" and \"cascaded\".");
    return status;
  }
  for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
    result->value = strcasecmp(value, truths[i]) == 0  ? "true"
                    : strcasecmp(value, lies[i]) == 0 ? "false"
                                                      : result->value;
  return result->value ? 0
                       : error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE,
                                   "invalid value for boolean option \"%s\": %s", option->defname, value);
}

static void drop_option(struct relation *definition, const char *name)
{
  int count = 0;
  for (int i = 0; i < definition->option_count; i++)
    if (strcmp(definition->options[i].name, name) != 0)
      definition->options[count++] = definition->options[i];
  definition->option_count = count;
}

// Adds to what the view has, or takes the place of it.
static int take_options(const struct utility_input *input, struct relation *definition, PgQuery__Node **options,
                        size_t count, struct error *error)
{
  struct option *all = ARENA_ARRAY(input->arena, struct option, definition->option_count + (int)count + 1);
  if (!all)
    return error_memory(error);
  if (definition->option_count)
    memcpy(all, definition->options, sizeof *all * (size_t)definition->option_count);
  definition->options = all;
  for (size_t i = 0; i < count; i++) {
    struct option option;
    int status = read_option(options[i]->def_elem, &option, error);
    if (status)
      return status;
    drop_option(definition, option.name);
    all[definition->option_count++] = option;
  }
  return 0;
}

static int create_options(const struct utility_input *input, struct relation *definition,
                          const PgQuery__ViewStmt *create, struct error *error)
{
  int status = take_options(input, definition, create->options, create->n_options, error);
  if (status || create->with_check_option <= PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION)
    return status;
  if (relation_option(definition, "check_option"))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"check_option\" specified more than once");
  bool is_local = create->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__LOCAL_CHECK_OPTION;
  definition->options[definition->option_count++] =
      (struct option){.name = "check_option", .value = is_local ? "local" : "cascaded"};
  return 0;
}

// WITH CHECK OPTION is for views that can be changed.
static int check_checked(const struct utility_input *input, const struct relation *definition, struct error *error)
{
  struct view_base base;
  if (!relation_option(definition, "check_option"))
    return 0;
  int status = view_base_of(definition, input->arena, &base, error);
  const struct relation *relation = NULL;
  struct name_scope scope = utility_scope(input);
  if (!status && !base.why)
    status = catalog_find(input->catalog, input->writer->version, &scope, base.schema, base.table, NULL, RIGHT_NONE, true,
                          &relation, error);
  if (relation && relation->kind != RELATION_TABLE && relation->kind != RELATION_VIEW)
    relation = NULL;
  const char *why = status || base.why                           ? base.why
                    : !relation                                  ? VIEW_NOT_OF_TABLE
                    : !view_base_has_columns(&base, relation)    ? VIEW_WITHOUT_COLUMNS
                                                                 : NULL;
  if (status || !why)
    return status;
  status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                     "WITH CHECK OPTION is supported only on automatically updatable views");
  error_hint(error, "%s", why);
  return status;
}

// The view that is to be replaced may get more columns behind those that it has.
static int check_replaced(const struct utility_input *input, const struct relation *old, const struct relation *new,
                          struct error *error)
{
  if (new->schema.column_count < old->schema.column_count)
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "cannot drop columns from view");
  for (int i = 0; i < old->schema.column_count; i++) {
    const struct column *from = &old->schema.columns[i], *to = &new->schema.columns[i];
    if (strcmp(from->name, to->name) != 0) {
      int status = error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION,
                             "cannot change name of view column \"%s\" to \"%s\"", from->name, to->name);
      error_hint(error, "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.");
      return status;
    }
    if (from->type.id == to->type.id && from->type.modifier == to->type.modifier)
      continue;
    char was[128], is[128];
    utility_type_format(input, from->type, was, sizeof was);
    utility_type_format(input, to->type, is, sizeof is);
    return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION,
                     "cannot change data type of view column \"%s\" from %s to %s", from->name, was, is);
  }
  return 0;
}

struct reading {
  const struct utility_input *input;
  bool is_temporary;
};

static void find_temporary(ProtobufCMessage *message, void *context)
{
  struct reading *reading = context;
  if (message->descriptor != &pg_query__range_var__descriptor)
    return;
  const PgQuery__RangeVar *name = (const PgQuery__RangeVar *)(const void *)message;
  const struct utility_input *input = reading->input;
  struct name_scope scope = utility_scope(input);
  const struct relation *relation;
  struct error ignored;
  if (catalog_find(input->catalog, input->writer->version, &scope,
                   utility_text_given(name->schemaname) ? name->schemaname : NULL, name->relname, "rvfS", RIGHT_NONE, true,
                   &relation, &ignored) == 0 && relation)
    reading->is_temporary |= relation_is_temporary(relation);
}

// A view of what is temporary is temporary.
static int view_schema(const struct utility_input *input, const PgQuery__ViewStmt *create, uint32_t *oid, struct error *error)
{
  struct reading reading = {.input = input};
  int status = utility_schema(input, create->view, oid, error);
  if (status || schema_is_temporary(*oid))
    return status;
  parse_walk(&create->query->base, find_temporary, &reading);
  if (!reading.is_temporary)
    return 0;
  utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "view \"%s\" will be a temporary view", create->view->relname);
  return utility_temporary_schema(input, oid, error);
}

int view_create(const struct utility_input *input, const PgQuery__ViewStmt *create, struct error *error)
{
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (!definition)
    return error_memory(error);
  int status = create_options(input, definition, create, error);
  if (status)
    return status;
  definition->kind = RELATION_VIEW;
  definition->owner = input->settings->role;
  snprintf(definition->name, sizeof definition->name, "%s", create->view->relname);
  status = view_schema(input, create, &definition->schema_oid, error);
  if (status)
    return status;
  const struct relation *old = NULL;
  if (catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name)) {
    if (!create->replace)
      return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", definition->name);
    struct name_scope scope = utility_scope(input);
    scope.search_path = &definition->schema_oid;
    scope.search_path_count = 1;
    status = catalog_find(input->catalog, input->writer->version, &scope, NULL, definition->name, "v", RIGHT_OWN, false,
                          &old, error);
    if (status && error)
      error->hint[0] = 0; // it is about DROP
  }
  if (old) {
    definition->oid = old->oid;
    definition->owner = old->owner;
    definition->acl = old->acl;
  }
  if (!status)
    status = fill(input, definition, create, error);
  if (!status && old)
    status = check_replaced(input, old, definition, error);
  if (!status)
    status = check_checked(input, definition, error);
  if (status)
    return status;
  return old ? catalog_replace(input->catalog, input->writer, definition, error)
             : catalog_create(input->catalog, input->writer, definition, error);
}

// --- ALTER ---------------------------------------------------------------------------------------------------------

int view_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  const struct relation *relation;
  struct relation *definition;
  int status = utility_find_to_alter(input, alter, "v", &relation, &definition, error);
  if (status || !relation)
    return status;
  for (size_t i = 0; i < alter->n_cmds && !status; i++) {
    const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
    bool is_list = command->def && command->def->node_case == PG_QUERY__NODE__NODE_LIST;
    if (is_list && command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions)
      status = take_options(input, definition, command->def->list->items, command->def->list->n_items, error);
    else if (is_list && command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions)
      for (size_t o = 0; o < command->def->list->n_items; o++)
        drop_option(definition, command->def->list->items[o]->def_elem->defname);
    else
      return utility_unsupported(input, error, -1, "this form of ALTER VIEW is");
  }
  if (!status)
    status = check_checked(input, definition, error);
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}

int view_rename_column(struct relation *definition, const PgQuery__RenameStmt *rename, struct error *error)
{
  int number = relation_column(definition, rename->subname);
  if (number < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", rename->subname);
  if (relation_column(definition, rename->newname) >= 0)
    return error_set(error, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%s\" already exists",
                     rename->newname, definition->name);
  struct column *column = &definition->schema.columns[number];
  snprintf(column->name, sizeof column->name, "%s", rename->newname);
  return 0;
}

// --- What views read changes -----------------------------------------------------------------------------------------

int view_follow(const struct utility_input *input, const struct relation *view, const struct view_change *change,
                struct error *error)
{
  struct relation *definition = catalog_copy(view, input->arena);
  int status = definition ? view_text_change(definition->text, change, input->arena, &definition->text, error)
                          : error_memory(error);
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}

int views_follow(const struct utility_input *input, uint32_t referenced, const struct view_change *change,
                 struct error *error)
{
  uint32_t oid = 0;
  const struct relation *view;
  int status = catalog_dependent(input->writer, referenced, &oid, &view);
  while (!status && view) {
    if (view->kind == RELATION_VIEW)
      status = view_follow(input, view, change, error);
    if (!status)
      status = catalog_dependent(input->writer, referenced, &oid, &view);
  }
  return status;
}

// Does it read this column?
static int needs_column(const struct utility_input *input, const struct relation *view, uint32_t referenced, int column,
                        bool *needs, struct error *error)
{
  struct parse *parse = parse_open(bytes_of_string(view->text), error);
  if (!parse)
    return error->status;
  struct statement *statement;
  int status = bind_query(input, &parse->statements[0], parse->text, NULL, &statement, error);
  *needs = false;
  for (int i = 0; !status && i < statement->range_count; i++) {
    const struct range *range = &statement->ranges[i];
    *needs |= range->kind == RANGE_TABLE && range->relation->oid == referenced && column < range->column_count &&
              range->columns[column].is_used;
  }
  if (!status)
    statement_release(statement);
  parse_close(parse);
  return status;
}

int views_needing(const struct utility_input *input, uint32_t referenced, int column, uint32_t *after,
                  const struct relation **view, struct error *error)
{
  for (;;) {
    bool needs = false;
    int status = catalog_dependent(input->writer, referenced, after, view);
    if (!status && *view && (*view)->kind == RELATION_VIEW)
      status = needs_column(input, *view, referenced, column, &needs, error);
    if (status || !*view || needs)
      return status;
  }
}
