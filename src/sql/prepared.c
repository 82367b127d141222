// The plan cache: texts to prepared statements.
//
// Statements that differ in their literals alone share a plan, unless they join tables at length: then the literals decide
// which way is the best, and each is planned by itself.
// A key is the text and everything else that its analysis depends on beside the definitions: the types of the
// parameters, the role, the search path and the time zone (constants are folded). Entries of older definitions are
// replaced when they are asked for; beyond the limit the oldest go.
#include "sql/prepared.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "sql/statistics.h"

// A stripped text that must be parsed as it stood: remembered, so that the try is not repeated.
static struct prepared unstrippable;

bool prepared_cache_init(struct prepared_cache *cache, struct catalog *catalog, struct memory_account *account,
                         size_t statement_memory)
{
  *cache = (struct prepared_cache){.catalog = catalog, .account = account, .statement_memory = statement_memory};
  cache->byte_limit = LIMIT_PLAN_CACHE_BYTES;
  if (account && account->limit && account->limit / 8 < cache->byte_limit)
    cache->byte_limit = account->limit / 8;
  cache->statistics = statistics_open(account);
  return cache->statistics != NULL;
}

static void drop_entry(struct prepared_cache *cache, struct map_entry *entry)
{
  struct prepared *prepared = entry->value;
  cache->bytes -= entry->key_size;
  if (prepared == &unstrippable)
    return;
  cache->bytes -= prepared->size;
  prepared_release(prepared);
}

void prepared_cache_deinit(struct prepared_cache *cache)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&cache->map, &at)))
    drop_entry(cache, entry);
  map_deinit(&cache->map);
  buffer_deinit(&cache->key);
  statistics_close(cache->statistics);
}

void prepared_release(struct prepared *prepared)
{
  if (!prepared || --prepared->references > 0)
    return;
  execution_close(prepared->idle);
  if (prepared->copy)
    copy_release(prepared->copy);
  if (prepared->statement)
    statement_release(prepared->statement);
  parse_close(prepared->parse);
  arena_deinit(&prepared->arena);
  free(prepared);
}

static void make_key(struct prepared_cache *cache, const struct prepared_input *input)
{
  const struct settings *settings = input->settings;
  struct buffer *key = &cache->key;
  buffer_clear(key);
  buffer_append_bytes(key, input->text);
  buffer_append_u8(key, 0);
  for (int i = 0; i < input->parameter_count; i++) {
    buffer_append_u8(key, (uint8_t)input->parameters[i].id);
    if (input->parameters[i].modifier != -1)
      buffer_append_le32(key, (uint32_t)input->parameters[i].modifier);
  }
  buffer_append_u8(key, input->parameters_are_literals);
  buffer_append_le32(key, settings->role);
  buffer_append_le32(key, (uint32_t)settings->format.zone.offset);
  buffer_append_le32(key, (uint32_t)settings->format.zone.number);
  buffer_append(key, settings->search_path, sizeof settings->search_path[0] * (size_t)settings->search_path_count);
}

static const char *query_tag(enum statement_kind kind)
{
  switch (kind) {
  case STATEMENT_INSERT: return "INSERT 0";
  case STATEMENT_UPDATE: return "UPDATE";
  case STATEMENT_DELETE: return "DELETE";
  case STATEMENT_MERGE: return "MERGE";
  default: return "SELECT";
  }
}

static int bind_and_plan(struct prepared_cache *cache, struct prepared *prepared, struct bind_input *bind, struct error *error)
{
  int status = bind_statement(bind, &prepared->statement, error);
  if (status)
    return status;
  prepared->tag = query_tag(prepared->statement->kind);
  struct plan_input plan = {
    .statement = prepared->statement,
    .version = bind->version,
    .statistics = cache->statistics,
    .arena = &prepared->arena,
    .parameters_are_literals = bind->parameters_are_literals && bind->parameter_count,
    .without_short_path = cache->without_short_path || prepared->explain.analyze,
  };
  return plan_statement(&plan, &prepared->plan, error);
}

// EXPLAIN ANALYZE is a query like others: it runs its statement to the end, and gives the plan as rows.
static int analyze_plan(struct prepared *prepared, struct error *error)
{
  struct statement *statement = prepared->statement;
  struct type type = type_plain(prepared->explain.format == EXPLAIN_JSON ? TYPE_JSON : TYPE_TEXT);
  statement->columns = ARENA_NEW(&prepared->arena, struct target);
  if (!statement->columns ||
      !(statement->columns[0].expression = node_constant(&prepared->arena, type, value_null(), -1)))
    return error_memory(error);
  statement->columns[0].name = "QUERY PLAN";
  statement->column_count = 1;
  plan_analyze(prepared->plan, &prepared->explain);
  prepared->utility = UTILITY_NONE;
  return 0;
}

// EXPLAIN (options) statement: binds what is explained.
static int bind_explain(struct prepared_cache *cache, struct prepared *prepared, struct bind_input *bind, struct error *error)
{
  const PgQuery__ExplainStmt *explain = prepared->parsed->node->explain_stmt;
  int status = explain_read_options(explain, prepared->parse->text, &prepared->explain, error);
  if (status)
    return status;
  struct parsed *inner = ARENA_NEW(&prepared->arena, struct parsed);
  if (!inner)
    return error_memory(error);
  *inner = *prepared->parsed;
  inner->node = explain->query;
  if (utility_kind(inner) != UTILITY_NONE)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "EXPLAIN takes a query, INSERT, UPDATE or DELETE");
  bind->parsed = inner;
  status = bind_and_plan(cache, prepared, bind, error);
  return status || !prepared->explain.analyze ? status : analyze_plan(prepared, error);
}

// DECLARE … FOR query: what it has to be given, and what is wrong with it. Its own text is planned when it is opened.
static int bind_cursor(struct prepared *prepared, struct bind_input *bind, struct error *error)
{
  struct parsed *inner = ARENA_NEW(&prepared->arena, struct parsed);
  if (!inner)
    return error_memory(error);
  *inner = *prepared->parsed;
  inner->node = prepared->parsed->node->declare_cursor_stmt->query;
  bind->parsed = inner;
  bind->without_rights = true;
  return bind_statement(bind, &prepared->statement, error);
}

// What a COPY runs underneath is planned like any other statement.
static int bind_copy(struct prepared_cache *cache, struct prepared *prepared, struct bind_input *bind, struct error *error)
{
  int status = copy_bind(bind, &prepared->copy, error);
  if (status)
    return status;
  struct plan_input plan = {
    .statement = prepared->copy->is_from ? prepared->copy->insert : prepared->copy->select,
    .version = bind->version,
    .statistics = cache->statistics,
    .arena = &prepared->arena,
  };
  return plan_statement(&plan, &prepared->plan, error);
}

static bool wants_literals(const struct prepared *prepared, const struct prepared_input *input)
{
  return input->parameters_are_literals && !input->is_again && plan_wants_literals(prepared->plan);
}

static int analyse(struct prepared_cache *cache, struct prepared *prepared, const struct prepared_input *input,
                   struct error *error)
{
  prepared->parse = parse_open_within(input->text, &prepared->account, error);
  if (!prepared->parse)
    return error->status;
  prepared->text = prepared->parse->text;
  if (prepared->parse->statement_count > 1)
    return error_set(error, SQLSTATE_SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement");
  prepared->parsed = prepared->parse->statement_count ? &prepared->parse->statements[0] : NULL;
  prepared->is_empty = !prepared->parsed || !prepared->parsed->node;
  if (prepared->is_empty)
    return 0;
  prepared->utility = utility_kind(prepared->parsed);
  struct bind_input bind = {
    .catalog = cache->catalog,
    .version = input->version,
    .settings = input->settings,
    .parsed = prepared->parsed,
    .text = prepared->parse->text,
    .parameters = input->parameters,
    .parameter_count = input->parameter_count,
    .parameters_are_literals = input->parameters_are_literals,
    .source = input->source,
    .mark = input->mark,
    .arena = &prepared->arena,
  };
  switch (prepared->utility) {
  case UTILITY_NONE: {
    int status = bind_and_plan(cache, prepared, &bind, error);
    return !status && wants_literals(prepared, input) ? STATUS_LONG : status;
  }
  case UTILITY_EXPLAIN: return bind_explain(cache, prepared, &bind, error);
  case UTILITY_DECLARE: return bind_cursor(prepared, &bind, error);
  case UTILITY_COPY: return bind_copy(cache, prepared, &bind, error);
  case UTILITY_UNKNOWN: return utility_unknown(prepared->parsed, error);
  default: return 0;
  }
}

static int prepared_make(struct prepared_cache *cache, const struct prepared_input *input, struct prepared **result,
                         struct error *error)
{
  struct prepared *prepared = calloc(1, sizeof *prepared);
  if (!prepared)
    return error_memory(error);
  prepared->references = 1;
  prepared->definitions = version_definitions(input->version);
  prepared->role = input->settings->role;
  prepared->tag = "";
  prepared->account = (struct memory_account){.parent = cache->account, .limit = cache->statement_memory};
  arena_init(&prepared->arena, &prepared->account);
  int status = analyse(cache, prepared, input, error);
  if (status) {
    prepared_release(prepared);
    return status;
  }
  if (prepared->utility == UTILITY_NONE && !prepared->is_empty) {
    // A query's tree has served. The text stays, for scripts and messages.
    const uint8_t *text = arena_copy(&prepared->arena, prepared->text.data, prepared->text.size);
    if (text) {
      prepared->text.data = text;
      parse_close(prepared->parse);
      prepared->parse = NULL;
      prepared->parsed = NULL;
    }
  }
  *result = prepared;
  return 0;
}

static void evict_oldest(struct prepared_cache *cache)
{
  size_t at = 0;
  struct map_entry *entry = map_next(&cache->map, &at);
  if (!entry)
    return;
  drop_entry(cache, entry);
  map_remove(&cache->map, bytes_of(entry->key, entry->key_size));
}

// A large text costs more to keep than to make again: it would drive out many others.
static void cache_put(struct prepared_cache *cache, struct prepared *prepared)
{
  size_t size = cache->key.size + prepared->account.used;
  if (cache->key.failed || size > cache->byte_limit / 64)
    return;
  struct prepared *old = map_get(&cache->map, buffer_bytes(&cache->key));
  if (!map_put(&cache->map, buffer_bytes(&cache->key), prepared))
    return; // no memory for the entry: it works uncached
  if (prepared != &unstrippable) {
    prepared->size = prepared->account.used;
    prepared_retain(prepared);
  }
  cache->bytes += size - (old ? cache->key.size + old->size : 0);
  if (old && old != &unstrippable)
    prepared_release(old);
  while (cache->map.count > LIMIT_PLAN_CACHE || cache->bytes > cache->byte_limit)
    evict_oldest(cache);
}

struct prepared *prepared_find(struct prepared_cache *cache, const struct prepared_input *input)
{
  make_key(cache, input);
  struct prepared *found = cache->key.failed ? NULL : map_get(&cache->map, buffer_bytes(&cache->key));
  if (!found || found == &unstrippable || !prepared_is_current(found, input->version, input->settings))
    return NULL;
  cache->hits++;
  return prepared_retain(found);
}

// Queries are kept, and the short commands that clients send all the time.
static bool is_worth_keeping(const struct prepared *prepared)
{
  return prepared->utility == UTILITY_NONE || prepared->utility == UTILITY_TRANSACTION;
}

int prepared_get(struct prepared_cache *cache, const struct prepared_input *input, struct prepared **result,
                 struct error *error)
{
  if (!input->source) {
    make_key(cache, input);
    struct prepared *found = cache->key.failed ? NULL : map_get(&cache->map, buffer_bytes(&cache->key));
    if (found == &unstrippable && !input->is_again)
      return STATUS_LONG;
    if (found && found != &unstrippable && prepared_is_current(found, input->version, input->settings)) {
      cache->hits++;
      *result = prepared_retain(found);
      return 0;
    }
    cache->misses++;
  }
  int status = prepared_make(cache, input, result, error);
  if (status && input->parameters_are_literals && status != STATUS_LIMIT && status != STATUS_FATAL) {
    // Whatever is wrong is told about the text as it stood. Only what can never be stripped is remembered:
    // another error (no such table) may be gone at the next try.
    if (status == STATUS_LONG || strcmp(error->sqlstate, SQLSTATE_SYNTAX_ERROR) == 0)
      cache_put(cache, &unstrippable);
    return STATUS_LONG;
  }
  if (!status && !input->source && !input->is_again && is_worth_keeping(*result))
    cache_put(cache, *result);
  return status;
}

struct execution *prepared_take_execution(struct prepared *prepared)
{
  struct execution *execution = prepared->idle;
  if (execution) {
    prepared->idle = NULL;
    return execution;
  }
  return execution_open(prepared->plan, &prepared->account);
}

void prepared_give_execution(struct prepared *prepared, struct execution *execution)
{
  if (!execution)
    return;
  execution_stop(execution);
  if (prepared->idle)
    execution_close(execution);
  else
    prepared->idle = execution;
}
