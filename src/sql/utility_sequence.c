// CREATE, ALTER and DROP SEQUENCE, and the sequences behind serial and identity columns.
//
// A default that draws from a sequence has it by its object id, as nextval(16400::oid), so that neither one's name matters.
// System tables show it as PostgreSQL writes it (system_name.c).
#include <stdio.h>

#include "sql/system_internal.h"
#include "sql/utility_internal.h"
#include "table/sequence.h"

// --- Options ----------------------------------------------------------------------------------------------------

struct sequence_options {
  const PgQuery__DefElem *type, *start, *restart, *increment, *minimum, *maximum, *cache, *cycle, *owner, *name;
};

static int conflicting(const struct utility_input *input, const PgQuery__DefElem *option, struct error *error)
{
  return utility_error(input, error, option->location, SQLSTATE_SYNTAX_ERROR, "conflicting or redundant options");
}

static int gather(const struct utility_input *input, PgQuery__Node **options, size_t count,
                  struct sequence_options *gathered, struct error *error)
{
  *gathered = (struct sequence_options){0};
  const struct {
    const char *name;
    const PgQuery__DefElem **place;
  } places[] = {{"as", &gathered->type},          {"start", &gathered->start},      {"restart", &gathered->restart},
                {"increment", &gathered->increment}, {"minvalue", &gathered->minimum}, {"maxvalue", &gathered->maximum},
                {"cache", &gathered->cache},      {"cycle", &gathered->cycle},      {"owned_by", &gathered->owner},
                {"sequence_name", &gathered->name}};
  for (size_t i = 0; i < count; i++) {
    const PgQuery__DefElem *option = options[i]->def_elem;
    size_t k = 0;
    while (k < sizeof places / sizeof *places && strcmp(places[k].name, option->defname) != 0)
      k++;
    if (k == sizeof places / sizeof *places)
      return utility_error(input, error, option->location, SQLSTATE_SYNTAX_ERROR, "option \"%s\" not recognized here",
                           option->defname);
    if (*places[k].place)
      return conflicting(input, option, error);
    *places[k].place = option;
  }
  return 0;
}

static int number_of(const PgQuery__DefElem *option, int64_t *number, struct error *error)
{
  const PgQuery__Node *value = option->arg;
  if (value->node_case == PG_QUERY__NODE__NODE_INTEGER) {
    *number = value->integer->ival;
    return 0;
  }
  const char *text = value->node_case == PG_QUERY__NODE__NODE_FLOAT ? value->float_->fval : "";
  struct value parsed;
  struct arena arena;
  arena_init(&arena, NULL);
  int status = value_from_text(type_plain(TYPE_INT8), bytes_of_string(text), &format_settings_default, &arena, &parsed, error);
  arena_deinit(&arena);
  if (!status)
    *number = parsed.integer;
  return status;
}

static void type_bounds(enum type_id type, int64_t *minimum, int64_t *maximum)
{
  *minimum = type == TYPE_INT2 ? INT16_MIN : type == TYPE_INT4 ? INT32_MIN : INT64_MIN;
  *maximum = type == TYPE_INT2 ? INT16_MAX : type == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

// AS: bounds that were those of the old type become those of the new one.
static int apply_type(const struct utility_input *input, const PgQuery__DefElem *option, bool is_new,
                      struct sequence *sequence, bool *resets_minimum, bool *resets_maximum, struct error *error)
{
  struct type type = type_plain(TYPE_INT8);
  int64_t minimum, maximum;
  struct bind_input bind = utility_bind(input);
  int status = option ? bind_type(&bind, option->arg->type_name, input->text, &type, NULL, error) : 0;
  if (status)
    return status;
  if (type.id != TYPE_INT2 && type.id != TYPE_INT4 && type.id != TYPE_INT8)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "sequence type must be smallint, integer, or bigint");
  *resets_minimum = *resets_maximum = is_new;
  if (!is_new && option) {
    type_bounds(sequence->type, &minimum, &maximum);
    *resets_maximum = sequence->increment > 0 && sequence->maximum == maximum;
    *resets_minimum = sequence->increment < 0 && sequence->minimum == minimum;
  }
  if (is_new || option)
    sequence->type = type.id;
  return 0;
}

static int out_of_range(const char *what, int64_t value, const struct sequence *sequence, struct error *error)
{
  return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s (%lld) is out of range for sequence data type %s", what,
                   (long long)value, type_info(sequence->type)->name);
}

static int apply_bounds(const struct sequence_options *options, bool resets_minimum, bool resets_maximum,
                        struct sequence *sequence, struct error *error)
{
  int64_t lowest, highest;
  int status = 0;
  type_bounds(sequence->type, &lowest, &highest);
  if (options->maximum && options->maximum->arg)
    status = number_of(options->maximum, &sequence->maximum, error);
  else if (options->maximum || resets_maximum)
    sequence->maximum = sequence->increment > 0 ? highest : -1;
  if (!status && (sequence->maximum < lowest || sequence->maximum > highest))
    status = out_of_range("MAXVALUE", sequence->maximum, sequence, error);
  if (status)
    return status;
  if (options->minimum && options->minimum->arg)
    status = number_of(options->minimum, &sequence->minimum, error);
  else if (options->minimum || resets_minimum)
    sequence->minimum = sequence->increment > 0 ? 1 : lowest;
  if (!status && (sequence->minimum < lowest || sequence->minimum > highest))
    status = out_of_range("MINVALUE", sequence->minimum, sequence, error);
  if (!status && sequence->minimum >= sequence->maximum)
    status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "MINVALUE (%lld) must be less than MAXVALUE (%lld)",
                       (long long)sequence->minimum, (long long)sequence->maximum);
  return status;
}

static int check_within(const char *what, int64_t value, const struct sequence *sequence, struct error *error)
{
  if (value < sequence->minimum)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s value (%lld) cannot be less than MINVALUE (%lld)", what,
                     (long long)value, (long long)sequence->minimum);
  if (value > sequence->maximum)
    return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s value (%lld) cannot be greater than MAXVALUE (%lld)",
                     what, (long long)value, (long long)sequence->maximum);
  return 0;
}

static int apply_options(const struct utility_input *input, const struct sequence_options *options, bool is_new,
                         struct sequence *sequence, struct error *error)
{
  bool resets_minimum, resets_maximum;
  int status = apply_type(input, options->type, is_new, sequence, &resets_minimum, &resets_maximum, error);
  if (!status && options->increment)
    status = number_of(options->increment, &sequence->increment, error);
  else if (is_new)
    sequence->increment = 1;
  if (!status && sequence->increment == 0)
    status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "INCREMENT must not be zero");
  if (options->cycle)
    sequence->is_cycled = options->cycle->arg && options->cycle->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN &&
                          options->cycle->arg->boolean->boolval;
  if (!status)
    status = apply_bounds(options, resets_minimum, resets_maximum, sequence, error);
  if (!status && options->start)
    status = number_of(options->start, &sequence->start, error);
  else if (is_new)
    sequence->start = sequence->increment > 0 ? sequence->minimum : sequence->maximum;
  if (!status)
    status = check_within("START", sequence->start, sequence, error);
  if (is_new)
    sequence->cache = 1;
  if (!status && options->cache)
    status = number_of(options->cache, &sequence->cache, error);
  if (!status && sequence->cache <= 0)
    status = error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "CACHE (%lld) must be greater than zero",
                       (long long)sequence->cache);
  return status;
}

// --- Owners -----------------------------------------------------------------------------------------------------

static int set_owner(const struct utility_input *input, struct relation *definition, uint32_t table, int column,
                     struct error *error)
{
  definition->sequence.owner = table;
  definition->sequence.owner_column = (uint16_t)column;
  definition->dependency_count = table != 0;
  definition->dependencies = ARENA_NEW(input->arena, uint32_t);
  if (!definition->dependencies)
    return error_memory(error);
  definition->dependencies[0] = table;
  return 0;
}

static bool is_of_identity(const struct utility_input *input, const struct relation *sequence, const struct relation **table)
{
  uint32_t owner = sequence->sequence.owner;
  *table = owner ? catalog_find_oid(input->catalog, input->writer->version, owner) : NULL;
  return *table && (*table)->schema.columns[sequence->sequence.owner_column].identity;
}

static int owned_by(const struct utility_input *input, struct relation *definition, const PgQuery__DefElem *option,
                    struct error *error)
{
  const PgQuery__List *names = option->arg->list;
  const struct relation *table;
  if (definition->oid && is_of_identity(input, definition, &table)) {
    int status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence");
    error_detail(error, "Sequence \"%s\" is linked to table \"%s\".", definition->name, table->name);
    return status;
  }
  if (names->n_items == 1) {
    if (strcmp(utility_string(names->items[0]), "none") == 0)
      return set_owner(input, definition, 0, 0, error);
    int status = error_set(error, SQLSTATE_SYNTAX_ERROR, "invalid OWNED BY option");
    error_hint(error, "Specify OWNED BY table.column or OWNED BY NONE.");
    return status;
  }
  PgQuery__RangeVar name = PG_QUERY__RANGE_VAR__INIT;
  name.relname = (char *)(uintptr_t)utility_string(names->items[names->n_items - 2]);
  name.schemaname = names->n_items > 2 ? (char *)(uintptr_t)utility_string(names->items[names->n_items - 3]) : NULL;
  name.location = -1;
  const char *column = utility_string(names->items[names->n_items - 1]);
  int status = utility_find(input, &name, NULL, false, &table, error);
  if (status)
    return status;
  if (table->kind != RELATION_TABLE && table->kind != RELATION_SOURCE) {
    status = error_set(error, SQLSTATE_WRONG_OBJECT_TYPE, "sequence cannot be owned by relation \"%s\"", table->name);
    error_detail(error, "This operation is not supported for %ss.", relation_kind_name(table->kind));
    return status;
  }
  if (table->schema_oid != definition->schema_oid)
    return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                     "sequence must be in same schema as table it is linked to");
  int number = relation_column(table, column);
  if (number < 0)
    return error_set(error, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist", column,
                     table->name);
  return set_owner(input, definition, table->oid, number, error);
}

// --- CREATE and ALTER ---------------------------------------------------------------------------------------------

static int store_new(const struct utility_input *input, struct relation *definition, struct error *error)
{
  static const struct column columns[] = {
      {.name = "last_value", .type = {.id = TYPE_INT8, .modifier = -1}, .not_null = true},
      {.name = "log_cnt", .type = {.id = TYPE_INT8, .modifier = -1}, .not_null = true},
      {.name = "is_called", .type = {.id = TYPE_BOOLEAN, .modifier = -1}, .not_null = true},
  };
  int count = sizeof columns / sizeof *columns;
  struct column *own = arena_copy(input->arena, columns, sizeof columns);
  definition->defaults = ARENA_ARRAY(input->arena, struct expression_text, count);
  if (!own || !definition->defaults)
    return error_memory(error);
  for (int i = 0; i < count; i++)
    own[i].type = type_plain(own[i].type.id);
  definition->kind = RELATION_SEQUENCE;
  definition->owner = input->settings->role;
  int status = schema_init(&definition->schema, 0, own, count, input->arena, error);
  if (!status)
    status = catalog_create(input->catalog, input->writer, definition, error);
  return status ? status : sequence_begin(input->writer, definition, definition->sequence.start, false);
}

int sequence_create(const struct utility_input *input, const PgQuery__CreateSeqStmt *create, struct error *error)
{
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  struct sequence_options options;
  if (!definition)
    return error_memory(error);
  snprintf(definition->name, sizeof definition->name, "%s", create->sequence->relname);
  int status = utility_schema(input, create->sequence, &definition->schema_oid, error);
  if (status)
    return status;
  bool exists = catalog_name(input->catalog, input->writer->version, definition->schema_oid, definition->name) != 0;
  if (exists && create->if_not_exists) {
    utility_notice(input, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", definition->name);
    return 0;
  }
  if (exists)
    return error_set(error, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists", definition->name);
  status = gather(input, create->options, create->n_options, &options, error);
  if (!status && options.restart)
    status = utility_error(input, error, options.restart->location, SQLSTATE_SYNTAX_ERROR,
                           "option \"restart\" not recognized here");
  if (!status)
    status = apply_options(input, &options, true, &definition->sequence, error);
  if (!status && options.owner)
    status = owned_by(input, definition, options.owner, error);
  return status ? status : store_new(input, definition, error);
}

// The options on a sequence that is there.
static int alter(const struct utility_input *input, const struct relation *sequence, PgQuery__Node **list, size_t count,
                 struct error *error)
{
  struct sequence_options options;
  struct sequence_state state;
  struct relation *definition = catalog_copy(sequence, input->arena);
  if (!definition)
    return error_memory(error);
  int status = gather(input, list, count, &options, error);
  if (!status)
    status = apply_options(input, &options, false, &definition->sequence, error);
  if (!status)
    status = sequence_look(input->catalog, input->writer->version, sequence, &state, error);
  int64_t value = state.last;
  if (!status && options.restart) {
    value = definition->sequence.start;
    status = options.restart->arg ? number_of(options.restart, &value, error) : 0;
    definition->tree = 0; // a fresh counter
  }
  if (!status)
    status = check_within("RESTART", value, &definition->sequence, error);
  if (!status && options.owner)
    status = owned_by(input, definition, options.owner, error);
  if (!status)
    status = catalog_replace(input->catalog, input->writer, definition, error);
  if (!status && options.restart)
    status = sequence_begin(input->writer, definition, value, false);
  return status;
}

int sequence_alter(const struct utility_input *input, const PgQuery__AlterSeqStmt *statement, struct error *error)
{
  const struct relation *sequence;
  int status = utility_find(input, statement->sequence, "S", statement->missing_ok, &sequence, error);
  return status || !sequence ? status : alter(input, sequence, statement->options, statement->n_options, error);
}

int sequence_restart(const struct utility_input *input, const struct relation *sequence, struct error *error)
{
  struct relation *definition = catalog_copy(sequence, input->arena);
  if (!definition)
    return error_memory(error);
  definition->tree = 0;
  int status = catalog_replace(input->catalog, input->writer, definition, error);
  return status ? status : sequence_begin(input->writer, definition, definition->sequence.start, false);
}

// --- Columns that draw ----------------------------------------------------------------------------------------------

uint32_t sequence_of_default(const char *text)
{
  uint32_t oid = 0;
  int end = 0;
  bool fits = text && sscanf(text, "nextval(%u::oid)%n", &oid, &end) == 1 && end > 0 && text[end] == 0;
  return fits ? oid : 0;
}

int sequence_for_column(const struct utility_input *input, struct relation *table, int column, PgQuery__Node **list,
                        size_t count, struct error *error)
{
  struct sequence_options options;
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (!definition)
    return error_memory(error);
  int status = gather(input, list, count, &options, error);
  if (!status && options.type)
    return conflicting(input, options.type, error);
  if (!status)
    status = apply_type(input, NULL, true, &definition->sequence, &(bool){0}, &(bool){0}, error);
  if (status)
    return status;
  struct column *own = &table->schema.columns[column];
  definition->schema_oid = table->schema_oid;
  if (options.name) {
    const PgQuery__List *names = options.name->arg->list;
    snprintf(definition->name, sizeof definition->name, "%s", utility_string(names->items[names->n_items - 1]));
  } else {
    struct name_maker maker = {.input = input, .schema_oid = table->schema_oid, .definition = table};
    name_make(&maker, table->name, own->name, "seq", definition->name);
  }
  status = apply_options(input, &options, true, &definition->sequence, error);
  definition->sequence.type = own->type.id;
  if (!status)
    status = apply_bounds(&options, true, true, &definition->sequence, error);
  if (!status)
    status = check_within("START", definition->sequence.start, &definition->sequence, error);
  if (!status)
    status = store_new(input, definition, error);
  table->defaults[column].text = arena_format(input->arena, "nextval(%u::oid)", definition->oid);
  if (!status && !table->defaults[column].text)
    status = error_memory(error);
  own->not_null = true;
  return status;
}

int sequence_like(const struct utility_input *input, struct relation *table, int column, const struct relation *other,
                  struct error *error)
{
  struct relation *definition = ARENA_NEW(input->arena, struct relation);
  if (!definition)
    return error_memory(error);
  struct name_maker maker = {.input = input, .schema_oid = table->schema_oid, .definition = table};
  definition->schema_oid = table->schema_oid;
  definition->sequence = other->sequence;
  definition->sequence.owner = definition->sequence.owner_column = 0;
  name_make(&maker, table->name, table->schema.columns[column].name, "seq", definition->name);
  int status = store_new(input, definition, error);
  table->defaults[column] = (struct expression_text){.text = arena_format(input->arena, "nextval(%u::oid)", definition->oid)};
  return status || table->defaults[column].text ? status : error_memory(error);
}

int sequence_give_owner(const struct utility_input *input, const struct relation *table, int column, struct error *error)
{
  uint32_t oid = sequence_of_default(table->defaults ? table->defaults[column].text : NULL);
  const struct relation *sequence = oid ? catalog_find_oid(input->catalog, input->writer->version, oid) : NULL;
  struct relation *definition = sequence ? catalog_copy(sequence, input->arena) : NULL;
  if (!definition)
    return error_memory(error);
  int status = set_owner(input, definition, table->oid, column, error);
  return status ? status : catalog_replace(input->catalog, input->writer, definition, error);
}

// Names in nextval('…') become object ids.
int sequence_default_text(const struct utility_input *input, const char **text, struct error *error)
{
  struct buffer out = {0};
  int status = 0;
  const char *at = *text;
  for (const char *found; !status && (found = strstr(at, "nextval('"));) {
    struct buffer name = {0};
    const char *end = found + 9;
    for (; *end && (*end != '\'' || end[1] == '\''); end += *end == '\'' ? 2 : 1)
      buffer_append_u8(&name, (uint8_t)*end);
    const char *close = *end ? end + 1 : end;
    if (strncmp(close, "::regclass", 10) == 0)
      close += 10;
    if (*close != ')') { // an expression that begins so
      buffer_append(&out, at, (size_t)(found + 9 - at));
      at = found + 9;
    } else {
      struct system_context context = {
          .catalog = input->catalog, .version = input->writer->version, .settings = input->settings};
      uint32_t oid = name.failed ? 0 : system_object_named(&context, buffer_bytes(&name));
      if (!oid)
        status = error_set(error, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", (int)name.size,
                           (const char *)name.data);
      buffer_append(&out, at, (size_t)(found - at));
      buffer_format(&out, "nextval(%u::oid)", oid);
      at = close + 1;
    }
    buffer_deinit(&name);
  }
  buffer_append(&out, at, strlen(at) + 1);
  const char *copy = out.failed ? NULL : arena_copy(input->arena, out.data, out.size);
  buffer_deinit(&out);
  if (status)
    return status;
  *text = copy;
  return copy ? 0 : error_memory(error);
}

// --- Identity -------------------------------------------------------------------------------------------------------

int identity_check(struct type type, uint32_t domain, struct error *error)
{
  if ((type.id == TYPE_INT2 || type.id == TYPE_INT4 || type.id == TYPE_INT8) && !domain)
    return 0;
  return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "identity column type must be smallint, integer, or bigint");
}

int identity_add(const struct utility_input *input, struct relation *definition, int column,
                 const PgQuery__Constraint *constraint, struct error *error)
{
  struct column *own = &definition->schema.columns[column];
  int status = identity_check(own->type, own->domain, error);
  if (status)
    return status;
  own->identity = strcmp(constraint->generated_when, "a") == 0 ? IDENTITY_ALWAYS : IDENTITY_BY_DEFAULT;
  return sequence_for_column(input, definition, column, constraint->options, constraint->n_options, error);
}

static int not_ready(const struct relation *relation, const struct column *column, const char *what, struct error *error)
{
  return error_set(error, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "column \"%s\" of relation \"%s\" %s", column->name,
                   relation->name, what);
}

static int set_identity(const struct utility_input *input, struct relation *definition, int column,
                        const PgQuery__List *options, const struct relation **relation, struct error *error)
{
  PgQuery__Node **others = ARENA_ARRAY(input->arena, PgQuery__Node *, options->n_items + 1);
  struct column *own = &definition->schema.columns[column];
  size_t count = 0;
  if (!others)
    return error_memory(error);
  for (size_t i = 0; i < options->n_items; i++) {
    const PgQuery__DefElem *option = options->items[i]->def_elem;
    if (strcmp(option->defname, "generated") == 0)
      own->identity = option->arg->integer->ival == 'a' ? IDENTITY_ALWAYS : IDENTITY_BY_DEFAULT;
    else
      others[count++] = options->items[i];
  }
  uint32_t oid = sequence_of_default(definition->defaults[column].text);
  const struct relation *sequence = catalog_find_oid(input->catalog, input->writer->version, oid);
  int status = count && sequence ? alter(input, sequence, others, count, error) : 0;
  return status ? status : definition_store(input, definition, relation, error);
}

int identity_alter(const struct utility_input *input, struct relation *definition, int column,
                   const PgQuery__AlterTableCmd *command, const struct relation **relation, struct error *error)
{
  struct column *own = &definition->schema.columns[column];
  if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity) {
    int status = identity_check(own->type, own->domain, error);
    if (status)
      return status;
    if (!own->not_null)
      return not_ready(definition, own, "must be declared NOT NULL before identity can be added", error);
    if (own->identity)
      return not_ready(definition, own, "is already an identity column", error);
    if (definition->defaults[column].text)
      return not_ready(definition, own, "already has a default value", error);
    status = identity_add(input, definition, column, command->def->constraint, error);
    if (!status)
      status = definition_store(input, definition, relation, error);
    return status ? status : sequence_give_owner(input, *relation, column, error);
  }
  if (!own->identity && command->missing_ok) {
    utility_notice(input, SQLSTATE_SUCCESSFUL_COMPLETION, "column \"%s\" of relation \"%s\" is not an identity column, skipping",
                   own->name, definition->name);
    return 0;
  }
  if (!own->identity)
    return not_ready(definition, own, "is not an identity column", error);
  if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetIdentity)
    return set_identity(input, definition, column, command->def->list, relation, error);
  uint32_t oid = sequence_of_default(definition->defaults[column].text);
  definition->defaults[column] = (struct expression_text){0};
  own->identity = IDENTITY_NOT;
  int status = definition_store(input, definition, relation, error);
  const struct relation *sequence = catalog_find_oid(input->catalog, input->writer->version, oid);
  return status || !sequence ? status : catalog_drop(input->catalog, input->writer, sequence, false, NULL, error);
}
