// CREATE WORKFLOW and ALTER WORKFLOW, and whether workflows still fit what they read.
//
// A workflow is kept as the text of its statements. Each is bound when the workflow is made, to find what is wrong
// with it and what it depends on; the first dependency is the source that drives it:
//   the one that stands in atom(…), otherwise the one that keeps no rows, otherwise the keyed one named first.
#include <stdio.h>

#include "sql/utility_internal.h"

// --- The source that drives it --------------------------------------------------------------------------------

struct search {
  const struct utility_input *input;
  const PgQuery__RangeVar *target; // what the statement changes: not in FROM
  const struct relation *atom, *stream, *keyed;
  const struct relation *second; // another one that would have to drive it
};

static void take(const struct relation **place, struct search *search, const struct relation *source)
{
  if (!*place)
    *place = source;
  else if (*place != source)
    search->second = source;
}

static const struct relation *find_source(const struct search *search, const char *schema, const char *name)
{
  struct name_scope scope = utility_scope(search->input);
  const struct relation *relation;
  struct error error;
  int status =
      catalog_find(search->input->catalog, search->input->writer->version, &scope,
                   utility_text_given(schema) ? schema : NULL, name, NULL, RIGHT_NONE, true, &relation, &error);
  return !status && relation && relation->kind == RELATION_SOURCE ? relation : NULL;
}

static void visit_name(struct search *search, const PgQuery__RangeVar *name)
{
  const struct relation *source = name == search->target ? NULL : find_source(search, name->schemaname, name->relname);
  if (source && source->tree == 0)
    take(&search->stream, search, source);
  else if (source && !search->keyed)
    search->keyed = source;
}

static void visit_call(struct search *search, const PgQuery__FuncCall *call)
{
  if (call->n_funcname != 1 || strcmp(utility_string(call->funcname[0]), "atom") != 0 || call->n_args != 1 ||
      call->args[0]->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
    return;
  const PgQuery__ColumnRef *argument = call->args[0]->column_ref;
  if (argument->n_fields == 0)
    return;
  const char *schema = argument->n_fields > 1 ? utility_string(argument->fields[argument->n_fields - 2]) : NULL;
  const struct relation *source = find_source(search, schema, utility_string(argument->fields[argument->n_fields - 1]));
  if (source)
    take(&search->atom, search, source);
}

// All names of tables and calls of functions in a tree, in the order of the text as far as it matters.
static void walk(const ProtobufCMessage *message, struct search *search)
{
  const ProtobufCMessageDescriptor *descriptor = message->descriptor;
  if (descriptor == &pg_query__range_var__descriptor)
    visit_name(search, (const PgQuery__RangeVar *)(const void *)message);
  else if (descriptor == &pg_query__func_call__descriptor)
    visit_call(search, (const PgQuery__FuncCall *)(const void *)message);
  for (unsigned i = 0; i < descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
    const char *base = (const char *)message, *at = base + field->offset;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
      continue;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
      size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
      ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)(const void *)at;
      for (size_t j = 0; j < count; j++)
        walk(items[j], search);
      continue;
    }
    bool is_other = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
                    *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id;
    const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)(const void *)at;
    if (!is_other && inner)
      walk(inner, search);
  }
}

static const PgQuery__RangeVar *changed_table(const PgQuery__Node *node)
{
  switch (node->node_case) {
  case PG_QUERY__NODE__NODE_INSERT_STMT: return node->insert_stmt->relation;
  case PG_QUERY__NODE__NODE_UPDATE_STMT: return node->update_stmt->relation;
  case PG_QUERY__NODE__NODE_DELETE_STMT: return node->delete_stmt->relation;
  case PG_QUERY__NODE__NODE_MERGE_STMT: return node->merge_stmt->relation;
  default: return NULL;
  }
}

// --- Binding its statements --------------------------------------------------------------------------------------

static bool add_dependency(struct relation *definition, struct arena *arena, uint32_t oid)
{
  for (int i = 0; i < definition->dependency_count; i++)
    if (definition->dependencies[i] == oid)
      return true;
  uint32_t *grown = ARENA_ARRAY(arena, uint32_t, definition->dependency_count + 1);
  if (!grown)
    return false;
  if (definition->dependency_count)
    memcpy(grown, definition->dependencies, sizeof *grown * (size_t)definition->dependency_count);
  grown[definition->dependency_count++] = oid;
  definition->dependencies = grown;
  return true;
}

int body_depend(const struct utility_input *input, struct relation *definition, const struct statement *statement,
                struct error *error)
{
  for (int i = 0; i < statement->relation_count; i++)
    if (relation_is_temporary(statement->relations[i]))
      return error_set(error, SQLSTATE_INVALID_TABLE_DEFINITION, "%s \"%s\" cannot use the temporary %s \"%s\"",
                       relation_kind_name(definition->kind), definition->name,
                       relation_kind_name(statement->relations[i]->kind), statement->relations[i]->name);
  for (int i = 0; i < statement->relation_count; i++)
    if (!add_dependency(definition, input->arena, statement->relations[i]->oid))
      return error_memory(error);
  return 0;
}

int body_bind_one(const struct utility_input *input, const struct body *body, int number, struct statement **statement,
                  struct error *error)
{
  const struct parsed *parsed = &body->statements[number];
  struct bind_input bind = {
      .catalog = input->catalog,
      .version = input->writer->version,
      .settings = input->settings,
      .parsed = parsed,
      .text = body->text,
      .source = body->source,
      .mark = input->writer->mark,
      .arena = input->arena,
  };
  bool is_select = parsed->node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT;
  if (body->is_query ? !is_select : !changed_table(parsed->node))
    return utility_error(input, error, parsed->start, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s",
                         body->is_query ? "a sink's statement is a SELECT"
                                        : "a workflow's statements are INSERT, UPDATE, DELETE and MERGE");
  int status = bind_statement(&bind, statement, error);
  if (status || (*statement)->parameter_count == 0)
    return status;
  statement_release(*statement);
  return utility_error(input, error, parsed->start, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $1");
}

// Binds all statements; what they read and change becomes definition's dependencies (NULL: nobody wants to know).
static int bind_body(const struct utility_input *input, const struct body *body, struct relation *definition,
                     struct error *error)
{
  int status = 0;
  for (int i = 0; i < body->count && !status; i++) {
    struct statement *statement;
    status = body_bind_one(input, body, i, &statement, error);
    if (status)
      return status;
    if (definition)
      status = body_depend(input, definition, statement, error);
    statement_release(statement);
  }
  return status;
}

static const char *body_kind(const struct body *body)
{
  return body->is_query ? "sink" : "workflow";
}

// What else is wrong with the statements comes first: a name that is not there may have been the source's.
static int no_driver(const struct utility_input *input, const struct body *body, struct error *error)
{
  int status = bind_body(input, body, NULL, error);
  if (status)
    return status;
  status = utility_error(input, error, body->statements[0].start, SQLSTATE_INVALID_TABLE_DEFINITION,
                         "no source drives the %s", body_kind(body));
  error_hint(error, "%s", body->is_query ? "Its SELECT must name a source in FROM."
                                         : "One of its statements must name a source in FROM, as in INSERT INTO ... "
                                           "SELECT ... FROM source.");
  return status;
}

int body_find_driver(const struct utility_input *input, struct body *body, struct error *error)
{
  const struct relation **source = &body->source;
  int32_t start = body->statements[0].start;
  struct search search = {.input = input};
  for (int i = 0; i < body->count; i++) {
    search.target = changed_table(body->statements[i].node);
    walk(&body->statements[i].node->base, &search);
  }
  *source = search.atom ? search.atom : search.stream ? search.stream : search.keyed;
  if (search.atom && search.stream && search.stream != search.atom)
    search.second = search.stream;
  if (!*source)
    return no_driver(input, body, error);
  if (search.atom && search.stream == search.atom) {
    int status = utility_error(input, error, start, SQLSTATE_FEATURE_NOT_SUPPORTED,
                               "a %s takes the rows of \"%s\" one by one or as atom(%s), not both", body_kind(body),
                               search.atom->name, search.atom->name);
    error_hint(error, "Make two %ss.", body_kind(body));
    return status;
  }
  if (search.second)
    return utility_error(input, error, start, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "a %s is driven by one source, but both \"%s\" and \"%s\" would have to drive it",
                         body_kind(body), (*source)->name, search.second->name);
  return 0;
}

static bool depends_on(const struct relation *workflow, uint32_t oid)
{
  for (int i = 0; i < workflow->dependency_count; i++)
    if (workflow->dependencies[i] == oid)
      return workflow->kind == RELATION_WORKFLOW || workflow->kind == RELATION_SINK;
  return false;
}

static int check_one(const struct utility_input *input, const struct relation *workflow, struct error *error)
{
  if (workflow->kind == RELATION_SINK)
    return sink_check(input, workflow, error);
  struct parse *parse = parse_open(bytes_of_string(workflow->text), error);
  if (!parse)
    return error->status;
  struct body body = {
      .statements = parse->statements,
      .count = parse->statement_count,
      .text = parse->text,
      .source = catalog_find_oid(input->catalog, input->writer->version, workflow->dependencies[0]),
  };
  int status = body.source ? bind_body(input, &body, NULL, error) : error_memory(error);
  parse_close(parse);
  return status;
}

int workflows_check(const struct utility_input *input, const struct relation *relation, struct error *error)
{
  uint32_t oid = 0;
  const struct relation *workflow;
  while ((workflow = catalog_next(input->catalog, input->writer->version, &oid))) {
    struct error reason = {0};
    int status = depends_on(workflow, relation->oid) ? check_one(input, workflow, &reason) : 0;
    if (!status)
      continue;
    if (strcmp(reason.sqlstate, SQLSTATE_OUT_OF_MEMORY) == 0) { // it may well fit
      *error = reason;
      return status;
    }
    const char *kind = relation_kind_name(relation->kind);
    status = error_set(error, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                           "cannot alter %s %s because other objects depend on it", kind, relation->name);
    error_detail(error, "%s %s depends on %s %s: %s", relation_kind_name(workflow->kind), workflow->name, kind,
                 relation->name, reason.message);
    error_hint(error, workflow->kind == RELATION_SINK ? "Drop the sink, and make it anew."
                                                      : "Drop the workflow, or replace it by one that fits.");
    return status;
  }
  return 0;
}

// --- CREATE -----------------------------------------------------------------------------------------------------

// The statements from the first to the last, as they were given.
static const char *body_text(const struct utility_input *input)
{
  const struct parsed *parsed = input->parsed, *last = &parsed->body[parsed->body_count - 1];
  const uint8_t *start = parsed->body[0].text.data;
  return arena_copy(input->arena, start, (size_t)(last->text.data + last->text.size - start));
}

static int workflow_name(const struct utility_input *input, const PgQuery__CreateFunctionStmt *create,
                         PgQuery__RangeVar *name, struct error *error)
{
  *name = (PgQuery__RangeVar)PG_QUERY__RANGE_VAR__INIT;
  if (create->n_funcname == 0 || create->n_funcname > 2 || create->n_parameters || create->return_type)
    return utility_error(input, error, -1, SQLSTATE_SYNTAX_ERROR, "a workflow has a name and statements, nothing else");
  name->relname = (char *)(uintptr_t)utility_string(create->funcname[create->n_funcname - 1]);
  if (create->n_funcname == 2)
    name->schemaname = (char *)(uintptr_t)utility_string(create->funcname[0]);
  name->location = -1;
  return 0;
}

// What stands under this name already. *old: the workflow to be replaced, NULL: none.
static int find_old(const struct utility_input *input, const struct relation *definition, const struct relation **old,
                    struct error *error)
{
  *old = NULL;
  if (!catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name))
    return 0;
  if (!input->parsed->or_replace)
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", definition->name);
  struct name_scope scope = {.role = input->settings->role,
                             .search_path = &definition->schema_oid,
                             .search_path_count = 1,
                             .temporary = settings_temporary(input->settings),
                             .mark = input->writer->mark};
  int status = catalog_find(input->catalog, input->writer->version, &scope, NULL, definition->name, "w", RIGHT_OWN,
                            false, old, error);
  if (status && error)
    error->hint[0] = 0; // it is about DROP
  return status;
}

int workflow_create(const struct utility_input *input, const PgQuery__CreateFunctionStmt *create, struct error *error)
{
  const struct parsed *parsed = input->parsed;
  PgQuery__RangeVar name;
  int status = workflow_name(input, create, &name, error);
  if (status)
    return status;
  if (parsed->body_count == 0)
    return utility_error(input, error, -1, SQLSTATE_SYNTAX_ERROR, "a workflow needs at least one statement");
  if (parsed->body_count > LIMIT_WORKFLOW_STATEMENTS)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a workflow can have at most %d statements",
                     LIMIT_WORKFLOW_STATEMENTS);
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (!definition)
    return error_memory(error);
  definition->kind = RELATION_WORKFLOW;
  definition->owner = input->settings->role;
  definition->state = "running";
  snprintf(definition->name, sizeof definition->name, "%s", name.relname);
  struct body body = {.statements = parsed->body, .count = parsed->body_count, .text = input->text};
  const struct relation *old;
  status = utility_schema(input, &name, &definition->schema_oid, error);
  if (!status)
    status = find_old(input, definition, &old, error);
  if (!status)
    status = body_find_driver(input, &body, error);
  if (!status && !add_dependency(definition, input->arena, body.source->oid))
    status = error_memory(error);
  if (!status)
    status = bind_body(input, &body, definition, error);
  if (!status && old)
    definition->oid = old->oid;
  if (!status)
    status = workflow_feedback(input, definition, body.source, error);
  if (status)
    return status;
  definition->text = body_text(input);
  if (!definition->text)
    return error_memory(error);
  if (!old)
    return catalog_create(input->catalog, input->writer, definition, error);
  definition->state = old->state;
  return catalog_replace(input->catalog, input->writer, definition, error);
}

// --- ALTER --------------------------------------------------------------------------------------------------------

static int set_state(const struct utility_input *input, struct relation *definition, const PgQuery__DefElem *option,
                     struct error *error)
{
  const char *value = utility_option_value(input->arena, option->arg);
  if (strcmp(option->defname, "state") != 0 || utility_text_given(option->defnamespace))
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", option->defname);
  if (!value || (strcmp(value, "running") != 0 && strcmp(value, "paused") != 0)) {
    int status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for option \"state\": \"%s\"",
                           value ? value : "");
    error_hint(error, "Available values: running, paused.");
    return status;
  }
  definition->state = value;
  return 0;
}

int workflow_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  const struct relation *relation;
  struct relation *definition;
  int status = utility_find_to_alter(input, alter, "w", &relation, &definition, error);
  if (status || !relation)
    return status;
  for (size_t i = 0; i < alter->n_cmds && !status; i++) {
    const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
    if (command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions || !command->def ||
        command->def->node_case != PG_QUERY__NODE__NODE_LIST)
      return utility_unsupported(input, error, -1, "ALTER WORKFLOW has SET (state = ...) and RENAME; other forms are");
    for (size_t j = 0; j < command->def->list->n_items && !status; j++)
      status = set_state(input, definition, command->def->list->items[j]->def_elem, error);
  }
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}
