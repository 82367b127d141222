// Who is connected, and what at: pg_stat_activity, pg_cursors, pg_prepared_statements, quern.transactions.
#include "base/sqlstate.h"
#include "data/array.h"
#include "partition/state.h"
#include "table/role.h"

enum { COLUMNS = 24 };

// The columns' types are where the table is described.
static int add_row(struct row_sink *sink, const char *table, struct value *row, struct error *error)
{
  bool is_own = strcmp(table, "transactions") == 0;
  const struct system_table *found = system_table_find(is_own ? SCHEMA_QUERN : SCHEMA_PG_CATALOG, table);
  enum type_id types[COLUMNS];
  for (int i = 0; i < found->column_count; i++)
    types[i] = found->columns[i].type;
  return row_sink_add(sink, row, types, error);
}

static struct value time_or_null(int64_t time)
{
  return time ? value_integer(time) : value_null();
}

static bool is_asking(const struct system_context *system, const struct session *session)
{
  return system->settings->backend == session->settings.backend;
}

static const char *state_of(const struct system_context *system, const struct session *session)
{
  if (session->job || session->waiting || session->copying || is_asking(system, session))
    return "active";
  switch (session->transaction) {
  case TRANSACTION_OPEN: return "idle in transaction";
  case TRANSACTION_FAILED: return "idle in transaction (aborted)";
  default: return session->branch ? "idle in transaction" : "idle";
  }
}

static int64_t began_at(const struct session *session)
{
  if (session->waiting == WAITING_GROUP) // it was undone, and begins again
    return session->statement_now;
  return session->transaction != TRANSACTION_NONE || session->in_group ? session->transaction_now : 0;
}

static const char *wait_event(const struct session *session)
{
  struct claim_tag tag;
  if (!session->waiting || !claim_awaited(&session->claimant, &tag))
    return NULL;
  return tag.kind == CLAIM_ON_NUMBER ? "advisory" : tag.kind == CLAIM_ON_TABLE ? "relation" : "tuple";
}

static struct value text_value(const char *text)
{
  return text ? value_string(text) : value_null();
}

// What others do is for their own roles, and for those who may read all statistics.
static bool may_look(const struct system_context *system, const struct session *session)
{
  uint32_t role = system->settings->role;
  return role_has(system->version, role, session->settings.session_role, NULL) ||
         role_has(system->version, role, ROLE_READ_ALL_STATS, NULL);
}

static int activity_row(const struct system_context *system, const struct session *session, const char *table,
                        struct row_sink *sink, struct error *error)
{
  const struct settings *settings = &session->settings;
  const char *event = wait_event(session);
  enum { OID_DATABASE = 5 };
  struct value row[] = {
    value_integer(OID_DATABASE), value_string(settings->database), value_integer(settings->backend), value_null(),
    value_integer(settings->session_role), value_string(settings->user), value_string(settings->application_name), value_null(),
    value_null(), value_null(), value_integer(session->opened_at), time_or_null(began_at(session)),
    time_or_null(session->statement_now), time_or_null(is_asking(system, session) ? session->statement_now : session->changed_at),
    text_value(event ? "Lock" : NULL), text_value(event), value_string(state_of(system, session)), value_null(), value_null(),
    value_null(), value_string(may_look(system, session) ? session->query : "<insufficient privilege>"), value_string("client backend"),
  };
  return add_row(sink, table, row, error);
}

// "row (k)=(1) of t", "table t", "advisory lock".
static struct value awaited_text(const struct session *session, struct arena *arena)
{
  struct claim_tag tag;
  if (!session->waiting || !claim_awaited(&session->claimant, &tag))
    return value_null();
  if (tag.kind == CLAIM_ON_NUMBER)
    return value_string("advisory lock");
  const struct relation *relation = partition_relation_of(session->partition, tag.tree);
  if (!relation)
    return value_null();
  if (tag.kind == CLAIM_ON_TABLE)
    return text_value(arena_format(arena, "table %s", relation->name));
  struct buffer key = {0};
  if (relation->tree == tag.tree && relation->key_count)
    relation_describe_key(relation, tag.key, arena, &key);
  buffer_append_u8(&key, 0);
  struct value text = key.failed ? value_null() : text_value(arena_format(arena, "row%s of %s", (const char *)key.data, relation->name));
  buffer_deinit(&key);
  return text;
}

// session, state, started, age_ms, statements, bytes, position, waits_for, blocked_by
static int transaction_row(const struct system_context *system, const struct session *session, const char *table,
                           struct row_sink *sink, struct error *error)
{
  const struct claimant *blocker = session->waiting ? claim_blocker(&session->claimant) : NULL;
  const struct session *other = blocker && !blocker->is_source ? blocker->owner : NULL;
  int64_t began = began_at(session);
  bool has_version = session->branch || session->job;
  if (session->transaction == TRANSACTION_NONE && !has_version && !session->waiting)
    return 0;
  struct value row[] = {
    value_integer(session->settings.backend),
    value_string(state_of(system, session)),
    time_or_null(began),
    began ? value_integer((session->partition->time.wall - began) / 1000) : value_null(),
    value_integer(session->branch ? (int64_t)branch_step_count(session->branch) : 0),
    value_integer(session->branch ? (int64_t)account_used(&session->branch_account) : 0),
    has_version ? value_integer((int64_t)session->branch_base) : value_null(),
    may_look(system, session) ? awaited_text(session, sink->arena) : value_null(),
    other ? value_integer(other->settings.backend) : value_null(),
  };
  return add_row(sink, table, row, error);
}

static int cursor_rows(const struct session *session, const char *table, struct row_sink *sink, struct error *error)
{
  size_t at = 0;
  struct map_entry *entry;
  int status = 0;
  while (!status && (entry = map_next(&session->portals, &at))) {
    const struct sql_cursor *cursor = ((struct portal *)entry->value)->cursor;
    if (!cursor)
      continue;
    struct value row[] = {
      value_bytes(entry->key, (uint32_t)entry->key_size), value_string(cursor->statement),
      value_boolean(cursor->is_hold), value_boolean(cursor->is_binary),
      value_boolean(cursor->is_scroll), value_integer(cursor->created_at),
    };
    status = add_row(sink, table, row, error);
  }
  return status;
}

static int parameter_types(const struct session *session, const struct named_statement *statement, struct arena *arena,
                           struct value *types, struct error *error)
{
  struct array_builder builder;
  const struct statement *own = statement->prepared->statement;
  array_builder_init(&builder, TYPE_TEXT, NULL);
  for (int i = 0; own && i < own->parameter_count; i++) {
    char name[2 * LIMIT_IDENTIFIER + 8];
    type_format(type_plain(own->parameters[i].id), &session->types.types, name, sizeof name);
    struct value element = value_string(name);
    array_add(&builder, &element);
  }
  struct array_shape shape = array_line(builder.count);
  return array_finish(&builder, &shape, arena, types, error);
}

static int statement_rows(const struct session *session, const char *table, struct row_sink *sink, struct error *error)
{
  size_t at = 0;
  struct map_entry *entry;
  int status = 0;
  while (!status && (entry = map_next(&session->statements, &at))) {
    const struct named_statement *statement = entry->value;
    struct bytes text = (statement->source ? statement->source : statement->prepared)->text;
    struct value types;
    if (!entry->key_size)
      continue;
    status = parameter_types(session, statement, sink->arena, &types, error);
    if (status)
      return status;
    struct value row[] = {
      value_bytes(entry->key, (uint32_t)entry->key_size), value_bytes(text.data, (uint32_t)text.size),
      value_integer(statement->created_at), types, value_boolean(statement->source != NULL), value_integer(0),
      value_integer(0),
    };
    status = add_row(sink, table, row, error);
  }
  return status;
}

int activity_figures(struct system_context *system, const char *table, struct row_sink *sink, struct error *error)
{
  struct partition *partition = system->context;
  bool is_activity = strcmp(table, "pg_stat_activity") == 0, is_cursors = strcmp(table, "pg_cursors") == 0;
  bool is_statements = strcmp(table, "pg_prepared_statements") == 0;
  if (!is_activity && !is_cursors && !is_statements && strcmp(table, "transactions") != 0)
    return error_set(error, SQLSTATE_UNDEFINED_TABLE, "no figures are kept for %s", table);
  size_t at = 0;
  struct map_entry *entry;
  int status = 0;
  while (!status && (entry = map_next(&partition->sessions, &at))) {
    const struct session *session = entry->value;
    if (is_activity)
      status = activity_row(system, session, table, sink, error);
    else if (!is_cursors && !is_statements)
      status = transaction_row(system, session, table, sink, error);
    else if (is_asking(system, session))
      status = is_cursors ? cursor_rows(session, table, sink, error) : statement_rows(session, table, sink, error);
  }
  return status;
}
