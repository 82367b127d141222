// CREATE SOURCE and ALTER SOURCE: a table's columns, and options for the connector.
//
// A source with a PRIMARY KEY keeps its rows and is a table; one without keeps none. Options are kept as they were
// given; what they mean is the connector's to say (hooks->check_source). The engine's own are `state`, and `event_time`,
// `lateness` and `late` (flow/event_time.c).
#include <stdio.h>

#include "sql/utility_internal.h"

static int bad_option(struct error *error, const char *name, const char *value, const char *hint)
{
  int status =
      error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for option \"%s\": \"%s\"", name, value);
  error_hint(error, "%s", hint);
  return status;
}

static int set_state(struct relation *definition, const char *value, struct error *error)
{
  if (strcmp(value, "running") != 0 && strcmp(value, "paused") != 0)
    return bad_option(error, "state", value, "Available values: running, paused.");
  definition->state = strcmp(value, "paused") == 0 ? "paused" : "running";
  return 0;
}

static const char *option_name(struct arena *arena, const PgQuery__DefElem *element)
{
  if (!utility_text_given(element->defnamespace))
    return arena_string(arena, element->defname);
  return arena_format(arena, "%s.%s", element->defnamespace, element->defname);
}

static bool grow_options(const struct utility_input *input, struct relation *definition, size_t more)
{
  struct option *grown = ARENA_ARRAY(input->arena, struct option, (size_t)definition->option_count + more + 1);
  if (!grown)
    return false;
  if (definition->option_count)
    memcpy(grown, definition->options, sizeof *grown * (size_t)definition->option_count);
  definition->options = grown;
  return true;
}

static void put_option(struct relation *definition, const char *name, const char *value)
{
  int at = 0;
  while (at < definition->option_count && strcmp(definition->options[at].name, name) != 0)
    at++;
  definition->options[at] = (struct option){.name = name, .value = value};
  definition->option_count += at == definition->option_count;
}

int definition_options(const struct utility_input *input, struct relation *definition, PgQuery__Node **options,
                       size_t count, struct error *error)
{
  if (!grow_options(input, definition, count))
    return error_memory(error);
  int first = definition->option_count;
  for (size_t i = 0; i < count; i++) {
    const PgQuery__DefElem *element = options[i]->def_elem;
    const char *name = option_name(input->arena, element);
    const char *value = utility_option_value(input->arena, element->arg);
    if (!name)
      return error_memory(error);
    if (!value)
      return utility_error(input, error, element->location, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "option \"%s\" takes a word, a number or a string", name);
    for (int j = 0; first == 0 && j < definition->option_count; j++)
      if (strcmp(definition->options[j].name, name) == 0)
        return utility_error(input, error, element->location, SQLSTATE_INVALID_PARAMETER_VALUE,
                             "option \"%s\" specified more than once", name);
    if (strcmp(name, "state") == 0) {
      int status = set_state(definition, value, error);
      if (status)
        return status;
    } else {
      put_option(definition, name, value);
    }
  }
  return 0;
}

static int check_event_time(const struct relation *definition, struct error *error)
{
  const char *name = relation_option(definition, "event_time"), *late = relation_option(definition, "late");
  const char *other = late ? "late" : relation_option(definition, "lateness") ? "lateness" : NULL;
  if (!name && other)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "option \"%s\" of source \"%s\" needs the option event_time",
                     other, definition->name);
  if (!name)
    return 0;
  int column = relation_column(definition, name);
  if (column < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
  enum type_id type = definition->schema.columns[column].type.id;
  if (type != TYPE_TIMESTAMP && type != TYPE_TIMESTAMPTZ && type != TYPE_DATE)
    return bad_option(error, "event_time", name, "It names a column of type timestamp, timestamptz or date.");
  if (late && strcmp(late, "keep") != 0 && strcmp(late, "drop") != 0)
    return bad_option(error, "late", late, "Available values: keep, drop.");
  int64_t lateness;
  return event_lateness(definition, &lateness, error);
}

static int check_source(const struct utility_input *input, const struct relation *definition, struct error *error)
{
  if (!relation_option(definition, "connector")) {
    int status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "source \"%s\" has no connector", definition->name);
    error_hint(error, "Say where its rows come from: WITH (connector = '...').");
    return status;
  }
  int status = check_event_time(definition, error);
  const struct utility_hooks *hooks = input->hooks;
  if (!status)
    status = connector_require(input, definition, error);
  return status || !hooks || !hooks->check_source ? status : hooks->check_source(hooks->context, definition, error);
}

static int refuse_forms(const struct utility_input *input, const PgQuery__CreateStmt *create, struct error *error)
{
  if (strcmp(create->relation->relpersistence, "p") != 0 || create->partspec || create->partbound ||
      create->n_inh_relations || create->of_typename || utility_text_given(create->tablespacename) ||
      utility_text_given(create->access_method))
    return utility_error(input, error, create->relation->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                         "a source has a name, columns and WITH (options), nothing else");
  return 0;
}

int source_create(const struct utility_input *input, const PgQuery__CreateStmt *create, struct error *error)
{
  int status = refuse_forms(input, create, error);
  if (status)
    return status;
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (!definition)
    return error_memory(error);
  definition->kind = RELATION_SOURCE;
  definition->owner = input->settings->role;
  definition->state = "running";
  snprintf(definition->name, sizeof definition->name, "%s", create->relation->relname);
  status = utility_schema(input, create->relation, &definition->schema_oid, error);
  if (status)
    return status;
  bool exists = catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name) != 0;
  if (exists && create->if_not_exists) {
    utility_notice(input, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", definition->name);
    return 0;
  }
  if (exists)
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", definition->name);
  status = table_elements(input, definition, create->table_elts, create->n_table_elts, error);
  if (!status)
    status = definition_options(input, definition, create->options, create->n_options, error);
  if (!status)
    status = check_source(input, definition, error);
  if (!status)
    status = catalog_create(input->catalog, input->writer, definition, error);
  return status ? status : foreign_keys_create(input, definition, create->table_elts, create->n_table_elts, error);
}

static void reset_options(struct relation *definition, PgQuery__Node **options, size_t count, struct arena *arena)
{
  for (size_t i = 0; i < count; i++) {
    const char *name = option_name(arena, options[i]->def_elem);
    int kept = 0;
    for (int j = 0; j < definition->option_count; j++)
      if (!name || strcmp(definition->options[j].name, name) != 0)
        definition->options[kept++] = definition->options[j];
    definition->option_count = kept;
  }
}

// A position means something to the connector that gave it, and to no other.
static int check_connector(const struct relation *old, const struct relation *definition, struct error *error)
{
  const char *before = relation_option(old, "connector"), *now = relation_option(definition, "connector");
  if (!before || !now || strcmp(before, now) == 0)
    return 0;
  int status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the connector of source \"%s\" cannot be changed", old->name);
  error_hint(error, "Drop the source and create it anew.");
  return status;
}

// What was seen of one column says nothing of another.
static int check_column(const struct relation *old, const struct relation *definition, struct error *error)
{
  const char *before = relation_option(old, "event_time"), *now = relation_option(definition, "event_time");
  if (!before || (now && strcmp(before, now) == 0))
    return 0;
  int status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the event time of source \"%s\" cannot be changed", old->name);
  error_hint(error, "Drop the source and create it anew.");
  return status;
}

int source_alter(const struct utility_input *input, const PgQuery__AlterTableStmt *alter, struct error *error)
{
  const struct relation *relation;
  struct relation *definition;
  int status = utility_find_to_alter(input, alter, "f", &relation, &definition, error);
  if (status || !relation)
    return status;
  for (size_t i = 0; i < alter->n_cmds && !status; i++) {
    const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
    bool has_list = command->def && command->def->node_case == PG_QUERY__NODE__NODE_LIST;
    if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions && has_list)
      status = definition_options(input, definition, command->def->list->items, command->def->list->n_items, error);
    else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions && has_list)
      reset_options(definition, command->def->list->items, command->def->list->n_items, input->arena);
    else
      status = utility_unsupported(input, error, -1, "ALTER SOURCE has SET, RESET and RENAME; other forms are");
  }
  if (!status)
    status = check_connector(relation, definition, error);
  if (!status)
    status = check_column(relation, definition, error);
  if (!status)
    status = check_source(input, definition, error);
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}
