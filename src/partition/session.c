// Sessions: messages in, groups of statements run, messages out. See the diagram in state.h.
//
// 1. Messages are taken in order; what cannot be taken yet (no Sync in sight, a job out, the client slow) waits in `input`.
// 2. After an error in a group of extended messages everything up to its Sync is skipped.
// 3. A group answers exactly one ReadyForQuery.
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"
#include "table/role_setting.h"
#include "sql/scan.h"

enum { INPUT_KEPT = 1024 * 1024 }; // bytes of a buffer that is empty again

static struct buffer *replies(struct session *session)
{
  return &session->partition->replies;
}

// --- Life -------------------------------------------------------------------------------------------------

static const char *const reported[] = {
  "server_version", "server_encoding", "client_encoding", "application_name", "DateStyle", "IntervalStyle", "TimeZone",
  "integer_datetimes", "standard_conforming_strings", "is_superuser", "session_authorization",
  "default_transaction_read_only", "in_hot_standby",
};

static void greet(struct session *session)
{
  struct buffer *out = replies(session);
  char scratch[256];
  for (size_t i = 0; i < sizeof reported / sizeof reported[0]; i++) {
    const char *value = settings_show(&session->settings, reported[i], scratch, sizeof scratch);
    if (value)
      message_parameter_status(out, reported[i], value);
  }
  size_t begin = message_begin(out, 'K');
  buffer_append_be32(out, (uint32_t)session->settings.backend);
  buffer_append_be32(out, (uint32_t)session->secret);
  message_end(out, begin);
  message_ready(out, 'I');
}

static void copy_name(char *to, size_t size, const char *from)
{
  size_t length = strnlen(from, size - 1);
  memcpy(to, from, length);
  to[length] = 0;
}

// A word of `options` without its backslashes, in word; false: there is none left.
static bool next_word(const char **at, char *word, size_t size)
{
  size_t used = 0;
  const char *c = *at;
  while (*c == ' ' || *c == '\t' || *c == '\n')
    c++;
  if (!*c)
    return false;
  for (; *c && *c != ' ' && *c != '\t' && *c != '\n'; c++) {
    if (*c == '\\' && c[1])
      c++;
    if (used + 1 < size)
      word[used++] = *c;
  }
  word[used] = 0;
  *at = c;
  return true;
}

static void warn_of(struct session *session, struct error *error)
{
  error->severity = SEVERITY_WARNING;
  message_error(replies(session), error);
}

// `-c name=value`, `-cname=value` and `--name=value`, as PGOPTIONS has them; other words say nothing to us.
static void apply_options(struct session *session, const char *options)
{
  char word[512];
  bool is_named = false; // -c stood before
  while (next_word(&options, word, sizeof word)) {
    bool was_named = is_named;
    is_named = !was_named && strcmp(word, "-c") == 0;
    char *name = was_named ? word : strncmp(word, "-c", 2) == 0 || strncmp(word, "--", 2) == 0 ? word + 2 : NULL;
    char *value = name ? strchr(name, '=') : NULL;
    if (!value)
      continue;
    *value = 0;
    for (char *c = name; *c; c++)
      if (*c == '-')
        *c = '_';
    struct error error;
    error_clear(&error);
    if (session_setting(session, &session->settings, name, value + 1, &error))
      warn_of(session, &error);
  }
}

// Of the role, of the database, or of both. What is refused by now is passed over with a warning.
static void apply_kept(struct session *session, bool of_database, uint32_t role)
{
  struct setting_list list = {0};
  struct bytes kept;
  const char *name, *value;
  size_t next;
  if (!role_settings_find(session_version(session), of_database, role, NULL, &kept) || kept.size > SETTING_LIST)
    return;
  memcpy(list.bytes, kept.data, kept.size);
  for (size_t offset = 0; (name = setting_list_next(&list, offset, &value, &next)); offset = next) {
    struct error error;
    error_clear(&error);
    if (session_setting(session, &session->settings, name, value, &error))
      warn_of(session, &error);
  }
}

// Who comes in, and where to: the rest builds on what was kept for them (ALTER ROLE … SET).
static int apply_identity(struct session *session, const struct frame *frame, struct error *fatal)
{
  struct message_reader reader = {.body = frame->payload};
  while (reader.at < frame->payload.size) {
    const char *name = (const char *)read_string(&reader).data;
    const char *value = (const char *)read_string(&reader).data;
    if (reader.failed || !name[0])
      break;
    int status = strcmp(name, "user") == 0 ? identity_begin(session, value, frame->role, fatal) : 0;
    if (status)
      return status;
    if (strcmp(name, "database") == 0)
      copy_name(session->settings.database, sizeof session->settings.database, value);
  }
  uint32_t role = session->settings.login_role;
  apply_kept(session, false, 0);
  apply_kept(session, true, 0);
  apply_kept(session, false, role);
  apply_kept(session, true, role);
  return 0;
}

// name, 0, value, 0, … as in the start-up message. What is not a setting of ours is passed over with a warning. 28000,
// 53300: the session is over.
static int apply_startup(struct session *session, const struct frame *frame, struct error *fatal)
{
  int status = apply_identity(session, frame, fatal);
  if (status)
    return status;
  struct settings *settings = &session->settings;
  struct bytes pairs = frame->payload;
  struct message_reader reader = {.body = pairs};
  while (reader.at < pairs.size) {
    const char *name = (const char *)read_string(&reader).data;
    const char *value = (const char *)read_string(&reader).data;
    if (reader.failed || !name[0])
      break;
    struct error error;
    error_clear(&error);
    if (strcmp(name, "user") == 0 || strcmp(name, "database") == 0)
      continue;
    if (strcmp(name, "options") == 0)
      apply_options(session, value);
    else if (strcmp(name, "replication") != 0 && strncmp(name, "_pq_.", 5) != 0 &&
             session_setting(session, settings, name, value, &error))
      warn_of(session, &error);
  }
  return 0;
}

struct session *session_open(struct partition *partition, const struct frame *frame)
{
  struct session *session = calloc(1, sizeof *session);
  if (!session)
    return NULL;
  session->partition = partition;
  waiting_init(session);
  timeouts_init(session);
  signals_init(session);
  numbering_init(session);
  listening_init(session);
  session->id = frame->session;
  session->secret = frame->secret;
  session->rows_account = (struct memory_account){.parent = &partition->account, .limit = partition->options.statement_memory};
  session->account = (struct memory_account){
    .parent = &partition->account,
    .limit = partition->options.statement_memory,
  };
  session->opened_at = session->changed_at = partition->time.wall;
  arena_init(&session->scratch, &session->account);
  arena_init(&session->unnamed.arena, &session->account);
  settings_init(&session->settings);
  session->settings.backend = (int32_t)frame->session;
  struct error error;
  error_clear(&error);
  int status = apply_startup(session, frame, &error);
  settings_begin_transaction(&session->settings);
  session->settings_at_login = session->settings;
  settings_moved(&session->settings_at_login);
  if (status)
    session_break(session, &error);
  else
    greet(session);
  return session;
}

void portal_clear(struct portal *portal)
{
  prepared_release(portal->prepared);
  sql_cursor_close(portal->cursor);
  buffer_deinit(&portal->rows);
  arena_reset(&portal->arena);
  *portal = (struct portal){.arena = portal->arena};
}

static void portal_free(struct portal *portal)
{
  portal_clear(portal);
  arena_deinit(&portal->arena);
  free(portal);
}

static void statement_free(struct named_statement *statement)
{
  prepared_release(statement->prepared);
  prepared_release(statement->source);
  free(statement->parameters);
  free(statement);
}

void session_forget_statements(struct session *session)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&session->statements, &at)))
    statement_free(entry->value);
  map_deinit(&session->statements);
  session->statements = (struct map){0};
  session->names++;
}

// Does a cursor WITH HOLD outlive this end?
static bool portal_outlives(struct portal *portal, enum portals_end end)
{
  struct sql_cursor *cursor = portal->cursor;
  if (cursor && cursor->is_hold && end == PORTALS_COMMIT)
    cursor->is_committed = true;
  return cursor && cursor->is_committed && end != PORTALS_ALL;
}

void session_forget_portals(struct session *session, enum portals_end end)
{
  size_t at = 0, kept = 0;
  struct map_entry *entry;
  while ((entry = map_next(&session->portals, &at))) {
    if (portal_outlives(entry->value, end))
      kept++;
    else
      session_remove_portal(session, bytes_of(entry->key, entry->key_size));
  }
  if (session->portals.entry_count && !kept) {
    map_deinit(&session->portals);
    session->portals = (struct map){0};
  }
  if (session->unnamed.prepared)
    portal_clear(&session->unnamed);
}

bool session_drop_temporary(struct session *session)
{
  struct partition *partition = session->partition;
  struct error error;
  struct writer writer = {.error = &error};
  uint64_t position = 0;
  uint32_t schema = settings_temporary(&session->settings);
  if (!catalog_schema_name(partition->catalog, store_trunk(partition->store), schema))
    return true;
  atom_begin(&partition->trunk, &writer);
  int status = temporary_drop(&writer, schema);
  if (status)
    atom_abort(&partition->trunk);
  else
    status = atom_commit(&partition->trunk, &position, &error);
  return !status;
}

void session_close(struct session *session)
{
  timeouts_clear(session);
  if (session->job && session->job_waits) {
    job_close(session->job);
    session->job = NULL;
  }
  if (session->job) { // a worker still reads what belongs to us
    session->is_closing = true;
    job_cancel(session->job);
    return;
  }
  struct partition *partition = session->partition;
  map_remove(&partition->sessions, bytes_of(&session->id, sizeof session->id));
  copying_close(session);
  transaction_abort(session);
  session_forget_portals(session, PORTALS_ALL);
  (void)session_drop_temporary(session); // where memory is lacking the next start does it
  arena_deinit(&session->unnamed.arena);
  session_forget_statements(session);
  claims_release(&partition->claims, &session->claimant, true);
  timer_clear(&partition->timers, &session->lock_timer);
  timer_clear(&partition->timers, &session->patience_timer);
  parse_close(session->simple);
  buffer_deinit(&session->input);
  buffer_deinit(&session->kept);
  buffer_deinit(&session->group_locks);
  buffer_deinit(&session->held);
  read_set_deinit(&session->reads);
  numbering_forget(session);
  listening_end(session);
  arena_deinit(&session->scratch);
  free(session);
}

// Is the notice below what client_min_messages lets through?
static bool is_muted(const struct session *session, const struct error *notice)
{
  char scratch[256];
  const char *least = settings_show(&session->settings, "client_min_messages", scratch, sizeof scratch);
  bool only_errors = least && strcmp(least, "error") == 0;
  bool no_notices = only_errors || (least && strcmp(least, "warning") == 0);
  return (only_errors && notice->severity == SEVERITY_WARNING) || (no_notices && notice->severity == SEVERITY_NOTICE);
}

void session_notice(struct session *session, const struct error *notice)
{
  if (is_muted(session, notice))
    return;
  message_error(replies(session), notice);
}

void session_note_query(struct session *session, struct bytes text)
{
  size_t size = text.size < sizeof session->query ? text.size : sizeof session->query - 1;
  while (size < text.size && size > 0 && (text.data[size] & 0xc0) == 0x80)
    size--;
  memcpy(session->query, text.data, size);
  session->query[size] = 0;
}

void session_fail(struct session *session, const struct error *error)
{
  struct error told = *error;
  identity_hide_row(session, &told);
  session->partition->counts.errors++;
  message_error(replies(session), &told);
  session->has_failed = true;
  if (session->transaction != TRANSACTION_OPEN)
    return;
  session->transaction = TRANSACTION_FAILED;
  if (session->savepoints.count && session->branch)
    transaction_note_failure(session, error); // ROLLBACK TO may let it live on
  else
    transaction_abort(session);
}

void session_break(struct session *session, struct error *error)
{
  error->severity = SEVERITY_FATAL;
  message_error(replies(session), error);
  session->is_broken = true;
}

// --- Names --------------------------------------------------------------------------------------------------

struct named_statement *session_statement(struct session *session, struct bytes name)
{
  return map_get(&session->statements, name);
}

int session_add_statement(struct session *session, struct bytes name, struct prepared *prepared, const struct type *types,
                          int count, struct error *error)
{
  struct named_statement *old = map_get(&session->statements, name);
  if (old && name.size && old->group != session->group)
    return error_set(error, SQLSTATE_DUPLICATE_PSTATEMENT, "prepared statement \"%.63s\" already exists", name.data);
  if (!old && session->statements.count >= LIMIT_PREPARED_STATEMENTS)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "too many prepared statements");
  struct named_statement *statement = calloc(1, sizeof *statement);
  if (statement)
    statement->parameters = malloc(sizeof *types * (size_t)(count + 1));
  if (!statement || !statement->parameters || !map_put(&session->statements, name, statement)) {
    if (statement)
      free(statement->parameters);
    free(statement);
    return error_memory(error);
  }
  if (count)
    memcpy(statement->parameters, types, sizeof *types * (size_t)count);
  statement->parameter_count = count;
  statement->prepared = prepared_retain(prepared);
  statement->group = session->group;
  statement->created_at = session->statement_now;
  statement->may_change = name.size > strlen(HANDLE_STATEMENT) &&
                          memcmp(name.data, HANDLE_STATEMENT, strlen(HANDLE_STATEMENT)) == 0;
  session->names++;
  if (old)
    statement_free(old);
  return 0;
}

void session_remove_statement(struct session *session, struct bytes name)
{
  struct named_statement *statement = map_remove(&session->statements, name);
  session->names++;
  if (statement)
    statement_free(statement);
}

const struct version *session_version(struct session *session)
{
  return session->branch ? branch_version(session->branch) : store_trunk(session->partition->store);
}

// Prepares a text; in a transaction that has failed, what it names is not looked at any more.
static int prepare(struct session *session, const struct prepared_input *input, struct prepared **prepared,
                   struct error *error)
{
  int status = prepared_get(&session->partition->cache, input, prepared, error);
  bool is_syntax = status && (strncmp(error->message, "syntax error", 12) == 0 ||
                              strncmp(error->message, "unterminated", 12) == 0);
  if (status != STATUS_INPUT || session->transaction != TRANSACTION_FAILED || is_syntax)
    return status;
  error_clear(error);
  return transaction_refuse(session, error);
}

// Clients that were told of the columns read them as they were.
static bool has_same_columns(const struct prepared *one, const struct prepared *other)
{
  if (!one->statement || !other->statement)
    return true;
  int count = one->statement->column_count;
  if (count != other->statement->column_count)
    return false;
  for (int i = 0; i < count; i++) {
    const struct target *a = &one->statement->columns[i], *b = &other->statement->columns[i];
    bool is_named_so = a->name == b->name || (a->name && b->name && strcmp(a->name, b->name) == 0);
    if (!is_named_so || a->expression->type.id != b->expression->type.id ||
        a->expression->type.modifier != b->expression->type.modifier)
      return false;
  }
  return true;
}

// A statement whose definitions changed is analysed anew.
int session_refresh_statement(struct session *session, struct named_statement *statement, struct error *error)
{
  const struct version *version = session_version(session);
  struct prepared *old = statement->prepared;
  session_refresh_path(session);
  if (old->is_empty || prepared_is_current(old, version, &session->settings))
    return 0;
  struct prepared_input input = {
    .version = version,
    .settings = &session->settings,
    .text = old->text,
    .parameters = statement->parameters,
    .parameter_count = statement->parameter_count,
  };
  struct prepared *prepared;
  int status = prepare(session, &input, &prepared, error);
  if (status)
    return status;
  if (!statement->may_change && !has_same_columns(old, prepared)) {
    prepared_release(prepared);
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
  }
  statement->prepared = prepared;
  prepared_release(old);
  return 0;
}

struct portal *session_portal(struct session *session, struct bytes name)
{
  if (!name.size)
    return session->unnamed.prepared ? &session->unnamed : NULL;
  return map_get(&session->portals, name);
}

int session_add_portal(struct session *session, struct bytes name, struct portal **portal, struct error *error)
{
  if (!name.size) {
    portal_clear(&session->unnamed);
    *portal = &session->unnamed;
    return 0;
  }
  struct portal *old = map_get(&session->portals, name);
  if (old && old->group != session->group)
    return error_set(error, SQLSTATE_DUPLICATE_CURSOR, "cursor \"%.63s\" already exists", name.data);
  if (old) {
    portal_clear(old);
    *portal = old;
    return 0;
  }
  if (session->portals.count >= LIMIT_PORTALS)
    return error_set(error, SQLSTATE_CONFIGURATION_LIMIT_EXCEEDED, "too many open portals");
  struct portal *new = calloc(1, sizeof *new);
  if (!new || !map_put(&session->portals, name, new)) {
    free(new);
    return error_memory(error);
  }
  arena_init(&new->arena, &session->account);
  new->group = session->group;
  new->number = ++session->portal_count;
  *portal = new;
  return 0;
}

void session_forget_portals_since(struct session *session, uint64_t number)
{
  size_t at = 0;
  struct map_entry *entry;
  while ((entry = map_next(&session->portals, &at))) {
    struct portal *portal = entry->value;
    if (portal->number > number)
      session_remove_portal(session, bytes_of(entry->key, entry->key_size));
  }
}

void session_remove_portal(struct session *session, struct bytes name)
{
  if (!name.size) {
    portal_clear(&session->unnamed);
    return;
  }
  struct portal *portal = map_remove(&session->portals, name);
  if (portal)
    portal_free(portal);
}

// --- Extended messages ------------------------------------------------------------------------------------------

static int malformed(const char *what, struct error *error)
{
  return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "invalid %s message", what);
}

// TYPE_COUNT: there is none.
static enum type_id session_type(struct session *session, uint32_t oid)
{
  enum type_id id = type_of_oid(oid);
  uint32_t own = type_object(id);
  struct catalog *catalog = session->partition->catalog;
  const struct version *version = session_version(session);
  bool is_row = type_is_user(id) && id & TYPE_USER_ROW;
  if (!type_is_user(id) || (is_row && catalog_row(catalog, version, own, NULL)) ||
      (!is_row && catalog_enum(catalog, version, own, NULL)))
    return id;
  const struct relation *domain = catalog_find_oid(catalog, version, own);
  if (!domain || domain->kind != RELATION_TYPE || domain->type_kind != TYPE_IS_DOMAIN)
    return TYPE_COUNT;
  enum type_id below = domain->schema.columns[0].type.id; // a parameter of a domain is one of what lies beneath
  return own == oid ? below : type_array(below);
}

static int on_parse(struct session *session, struct message_reader *reader, struct error *error)
{
  struct bytes name = read_string(reader);
  struct bytes text = read_string(reader);
  int count = read_i16(reader);
  if (reader->failed || count < 0)
    return malformed("Parse", error);
  struct type *types = ARENA_ARRAY(&session->scratch, struct type, count + 1);
  if (!types)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    uint32_t oid = (uint32_t)read_i32(reader);
    types[i] = type_plain(oid == 0 || oid == 705 ? TYPE_UNKNOWN : session_type(session, oid)); // 705: PostgreSQL's "unknown"
    if (types[i].id == TYPE_COUNT)
      return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "type with OID %u does not exist", oid);
  }
  if (reader->failed || reader->at != reader->body.size)
    return malformed("Parse", error);
  session_refresh_path(session);
  struct prepared_input input = {
    .version = session_version(session),
    .settings = &session->settings,
    .text = text,
    .parameters = types,
    .parameter_count = count,
  };
  struct prepared *prepared;
  int status = prepare(session, &input, &prepared, error);
  if (status)
    return status;
  if (session->transaction == TRANSACTION_FAILED && !prepared->is_empty && prepared->utility != UTILITY_TRANSACTION)
    status = transaction_refuse(session, error);
  if (!status)
    status = session_add_statement(session, name, prepared, types, count, error);
  prepared_release(prepared);
  if (!status)
    message_empty(replies(session), '1');
  return status;
}

struct format_settings session_format(struct session *session)
{
  struct format_settings format = session->settings.format;
  struct name_scope scope = {.search_path = session->settings.search_path,
                             .search_path_count = session->settings.search_path_count};
  catalog_types_init(&session->types, session->partition->catalog, session_version(session), &scope);
  format.types = &session->types.types;
  format.now = session->transaction_now ? session->transaction_now : session->partition->time.wall;
  return format;
}

static int read_parameter(struct session *session, struct message_reader *reader, struct type type, bool is_binary,
                          struct arena *arena, struct value *value, struct error *error)
{
  int32_t size = read_i32(reader);
  if (size == -1) {
    *value = value_null();
    return 0;
  }
  if (size < 0)
    return malformed("Bind", error);
  struct bytes given = read_bytes(reader, (size_t)size);
  if (reader->failed)
    return malformed("Bind", error);
  struct format_settings format = session_format(session);
  int status = is_binary ? value_from_binary(type, given, &format, arena, value, error)
                         : value_from_text(type, given, &format, arena, value, error);
  // The message goes away before the portal does.
  if (!status && type_info(type.id)->storage == STORAGE_BYTES && !value_copy(type.id, value, arena))
    return error_memory(error);
  return status;
}

static int read_formats(struct message_reader *reader, struct arena *arena, int count, int columns, bool **formats,
                        struct error *error)
{
  *formats = NULL;
  if (count < 0 || (count > 1 && count != columns))
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "bind message has %d result formats but query has %d columns", count,
                     columns);
  bool *list = ARENA_ARRAY(arena, bool, columns + 1);
  if (!list)
    return error_memory(error);
  bool any = false;
  for (int i = 0; i < count; i++) {
    int16_t format = read_i16(reader);
    if (format != 0 && format != 1)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unsupported format code: %d", format);
    any |= format == 1;
    if (count == 1)
      memset(list, format, (size_t)columns);
    else
      list[i] = format == 1;
  }
  *formats = any ? list : NULL;
  return 0;
}

// Parameters and formats into the portal. portal->prepared is set.
static int bind_values(struct session *session, struct portal *portal, struct message_reader *reader, struct bytes statement_name,
                       struct error *error)
{
  struct prepared *prepared = portal->prepared;
  int wanted = prepared->statement ? prepared->statement->parameter_count : 0;
  int format_count = read_i16(reader);
  struct bytes formats = read_bytes(reader, format_count > 0 ? (size_t)format_count * 2 : 0);
  int count = (uint16_t)read_i16(reader);
  if (reader->failed || format_count < 0)
    return malformed("Bind", error);
  if (format_count > 1 && format_count != count)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "bind message has %d parameter formats but %d parameters",
                     format_count, count);
  if (count != wanted)
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION,
                     "bind message supplies %d parameters, but prepared statement \"%.63s\" requires %d", count,
                     statement_name.data, wanted);
  portal->parameter_count = count;
  portal->parameters = ARENA_ARRAY(&portal->arena, struct value, count + 1);
  if (!portal->parameters)
    return error_memory(error);
  for (int i = 0; i < count; i++) {
    uint16_t format = format_count == 0 ? 0 : get_be16(formats.data + (format_count == 1 ? 0 : 2 * i));
    if (format > 1)
      return error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "unsupported format code: %d", format);
    int status = read_parameter(session, reader, prepared->statement->parameters[i], format == 1, &portal->arena,
                                &portal->parameters[i], error);
    if (status)
      return status;
  }
  int result_formats = read_i16(reader);
  int columns = command_column_count(session, prepared);
  portal->format_count = columns;
  int status = read_formats(reader, &portal->arena, result_formats, columns, &portal->formats, error);
  if (!status && (reader->failed || reader->at != reader->body.size))
    return malformed("Bind", error);
  return status;
}

static int on_bind(struct session *session, struct message_reader *reader, struct error *error)
{
  struct bytes portal_name = read_string(reader);
  struct bytes statement_name = read_string(reader);
  if (reader->failed)
    return malformed("Bind", error);
  struct named_statement *statement = map_get(&session->statements, statement_name);
  if (!statement && !statement_name.size)
    return error_set(error, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "unnamed prepared statement does not exist");
  if (!statement)
    return error_set(error, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "prepared statement \"%.63s\" does not exist",
                     statement_name.data);
  int status = session_refresh_statement(session, statement, error);
  if (status)
    return status;
  struct portal *portal;
  status = session_add_portal(session, portal_name, &portal, error);
  if (status)
    return status;
  portal->prepared = prepared_retain(statement->prepared);
  status = bind_values(session, portal, reader, statement_name, error);
  if (status) {
    session_remove_portal(session, portal_name);
    return status;
  }
  message_empty(replies(session), '2');
  return 0;
}

void session_describe_result(struct session *session, const struct prepared *prepared, const bool *formats)
{
  struct buffer *out = replies(session);
  if (!command_describe(session, prepared, formats, out))
    message_empty(out, 'n');
}

static int on_describe(struct session *session, struct message_reader *reader, struct error *error)
{
  char kind = (char)read_u8(reader);
  struct bytes name = read_string(reader);
  if (reader->failed || (kind != 'S' && kind != 'P'))
    return malformed("Describe", error);
  if (kind == 'P') {
    struct portal *portal = session_portal(session, name);
    if (!portal)
      return error_set(error, SQLSTATE_INVALID_CURSOR_NAME, "portal \"%.63s\" does not exist", name.data);
    session_describe_result(session, portal->prepared, portal->formats);
    return 0;
  }
  struct named_statement *statement = map_get(&session->statements, name);
  if (!statement)
    return error_set(error, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "prepared statement \"%.63s\" does not exist", name.data);
  int status = session_refresh_statement(session, statement, error);
  if (status)
    return status;
  const struct statement *bound = statement->prepared->statement;
  message_parameter_description(replies(session), bound ? bound->parameters : NULL, bound ? bound->parameter_count : 0);
  session_describe_result(session, statement->prepared, NULL);
  return 0;
}

static int on_execute(struct session *session, struct message_reader *reader, struct error *error)
{
  struct bytes name = read_string(reader);
  int32_t max_rows = read_i32(reader);
  if (reader->failed)
    return malformed("Execute", error);
  struct portal *portal = session_portal(session, name);
  if (!portal)
    return error_set(error, SQLSTATE_INVALID_CURSOR_NAME, "portal \"%.63s\" does not exist", name.data);
  return portal_run(session, portal, max_rows > 0 ? (uint64_t)max_rows : 0, error);
}

static int on_close(struct session *session, struct message_reader *reader, struct error *error)
{
  char kind = (char)read_u8(reader);
  struct bytes name = read_string(reader);
  if (reader->failed || (kind != 'S' && kind != 'P'))
    return malformed("Close", error);
  if (kind == 'S')
    session_remove_statement(session, name);
  else
    session_remove_portal(session, name);
  message_empty(replies(session), '3');
  return 0;
}

// --- Groups ---------------------------------------------------------------------------------------------------------

static void group_begin(struct session *session, bool is_extended)
{
  buffer_clear(&session->group_locks);
  session->in_group = true;
  session->is_extended = is_extended;
  session->has_failed = session->is_whole = false;
  session->group++;
  session->partition->counts.groups++;
}

// A Query whose last statement turns out not to be done has not said that it is.
static void take_back_tag(struct session *session)
{
  struct buffer *out = replies(session);
  struct message message = {0};
  struct error error;
  size_t at = session->group_replies, last = at;
  for (size_t next = at; message_next(buffer_bytes(out), &next, &message, &error) > 0; at = next)
    last = at;
  if (message.type == 'C' && !session->is_extended)
    out->size = last;
}

static void group_end(struct session *session)
{
  struct error error;
  error_clear(&error);
  bool is_atom = session->has_atom;
  int status = transaction_group_end(session, &error);
  if (status == STATUS_WAIT) {
    waiting_begin(session, is_atom ? WAITING_GROUP : WAITING_END);
    return;
  }
  if (status && batch_starts_again(session, &error))
    return;
  batch_tell(session);
  if (status) {
    session->partition->counts.errors++;
    take_back_tag(session);
    message_error(replies(session), &error);
  }
  session->in_group = false;
  session->rests = session->partition->options.without_pipelining;
  listening_hear(session->partition);
  listening_tell(session);
  if (!session->is_broken)
    message_ready(replies(session), transaction_status(session));
}

// Everything of the group so far was read-only or is undone now: it starts again in a branch.
static void group_restart(struct session *session)
{
  transaction_abort(session);
  session_forget_portals(session, PORTALS_ABORT);
  session->input_at = session->group_start;
  replies(session)->size = session->group_replies;
  session->as_branch = session->holds_replies = true;
  session->simple_next = 0;
}

// May the messages from input_at on run now? Those up to a Sync or a Flush may, together; they are the part of the
// group that can start again. Executing before a Flush, or more than is kept waiting, needs a branch.
static bool part_is_ready(struct session *session, struct error *error)
{
  size_t at = session->input_at;
  struct message message;
  bool executes = false, is_ready = false;
  while (!is_ready && message_next(buffer_bytes(&session->input), &at, &message, error) > 0) {
    executes |= message.type == 'E';
    is_ready = message.type == 'S' || message.type == 'Q' || message.type == 'X' || message.type == 'H';
  }
  bool is_open = is_ready ? message.type == 'H' && executes : session->input.size - session->input_at > LIMIT_GROUP;
  if (!is_ready && !is_open && !error->status)
    return false;
  bool needs_branch = is_open && session->transaction == TRANSACTION_NONE;
  session->holds_replies |= needs_branch && !is_ready && !session->as_branch;
  session->as_branch |= needs_branch;
  session->ready_until = is_ready ? at : session->input.size;
  session->group_start = session->input_at;
  session->group_replies = replies(session)->size;
  return true;
}

static int extended_message(struct session *session, const struct message *message, struct error *error)
{
  struct message_reader reader = {.body = message->body};
  switch (message->type) {
  case 'P': return on_parse(session, &reader, error);
  case 'B': return on_bind(session, &reader, error);
  case 'D': return on_describe(session, &reader, error);
  case 'E': return on_execute(session, &reader, error);
  case 'C': return on_close(session, &reader, error);
  case 'H': batch_tell(session); return 0;
  case 'd':
  case 'c':
  case 'f': return 0; // what is left of a COPY that has failed
  default:
    return error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "invalid frontend message type %d", (uint8_t)message->type);
  }
}

// --- Query --------------------------------------------------------------------------------------------------------------

static int literal_values(struct session *session, struct portal *portal, const struct stripped *stripped, struct error *error)
{
  int count = stripped->literal_count;
  portal->literals = true;
  portal->parameter_count = count;
  portal->parameters = arena_alloc(&portal->arena, sizeof(struct value) * (size_t)(count + 1));
  portal->parameter_types = arena_alloc(&portal->arena, sizeof(struct type) * (size_t)(count + 1));
  if (!portal->parameters || !portal->parameter_types)
    return error_memory(error);
  struct format_settings format = session_format(session);
  for (int i = 0; i < count; i++) {
    const struct literal *literal = &stripped->literals[i];
    portal->parameter_types[i] = type_plain(literal->type);
    struct type type = portal->prepared->statement->parameters[i];
    int status = value_from_text(type, literal->text, &format, &portal->arena, &portal->parameters[i], error);
    if (!status && type_info(type.id)->storage == STORAGE_BYTES && !value_copy(type.id, &portal->parameters[i], &portal->arena))
      return error_memory(error);
    if (status) {
      if (status == STATUS_INPUT || strncmp(error->sqlstate, "54", 2) == 0)
        error_position(error, parse_position(session->simple_text, literal->position));
      return status;
    }
  }
  return 0;
}

// The text without its literals, if it has a plan already or can have one. STATUS_LONG: take the text as it stands.
static int simple_stripped(struct session *session, struct error *error)
{
  struct stripped *stripped = &session->partition->stripped;
  session_refresh_path(session);
  if (session->partition->options.without_literals || !literals_strip(session->simple_text, stripped))
    return STATUS_LONG;
  struct type types[LITERALS_MAXIMUM];
  for (int i = 0; i < stripped->literal_count; i++)
    types[i] = type_plain(stripped->literals[i].type);
  struct prepared_input input = {
    .version = session_version(session),
    .settings = &session->settings,
    .text = buffer_bytes(&stripped->text),
    .parameters = types,
    .parameter_count = stripped->literal_count,
    .parameters_are_literals = true,
  };
  struct prepared *prepared;
  int status = prepare(session, &input, &prepared, error);
  if (status)
    return status;
  if (!prepared->statement) { // SELECT INTO is a definition
    prepared_release(prepared);
    return STATUS_LONG;
  }
  if (session->transaction == TRANSACTION_FAILED) { // before its literals are looked at
    prepared_release(prepared);
    return transaction_refuse(session, error);
  }
  portal_clear(&session->unnamed);
  session->unnamed.prepared = prepared;
  return literal_values(session, &session->unnamed, stripped, error);
}

// Nobody gives a Query values: the first parameter that it names.
static int refuse_parameter(struct bytes text, struct error *error)
{
  struct scan scan = {.text = text.data, .size = text.size};
  while (scan_next(&scan) != SCAN_END && scan.kind != SCAN_OPEN && scan.kind != SCAN_PARAMETER)
    ;
  int status = error_set(error, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter %.*s", (int)(scan.at - scan.start),
                         (const char *)text.data + scan.start);
  error_position(error, parse_position(text, (int32_t)scan.start));
  return status;
}

static int simple_statement(struct session *session, const struct parsed *parsed, struct error *error)
{
  session_refresh_path(session);
  struct prepared_input input = {
    .version = session_version(session),
    .settings = &session->settings,
    .text = parsed->text,
  };
  struct prepared *prepared;
  int status = prepare(session, &input, &prepared, error);
  if (!status && prepared->statement && prepared->statement->parameter_count > 0) {
    prepared_release(prepared);
    status = refuse_parameter(parsed->text, error);
  }
  if (status) {
    // Positions are told in the whole text.
    if (error->position > 0)
      error->position += parse_position(session->simple->text, parsed->start) - 1;
    return status;
  }
  portal_clear(&session->unnamed);
  session->unnamed.prepared = prepared;
  return 0;
}

// Runs the bound unnamed portal as a Query does: description first where there are rows.
static int simple_run(struct session *session, struct error *error)
{
  struct prepared *prepared = session->unnamed.prepared;
  bool has_rows = prepared->statement && prepared->utility == UTILITY_NONE && prepared->statement->column_count > 0;
  if (session->transaction == TRANSACTION_FAILED || prepared->is_empty)
    has_rows = false;
  else if (has_rows)
    message_row_description(replies(session), prepared->statement->columns, prepared->statement->column_count, NULL);
  else
    command_describe(session, prepared, NULL, replies(session));
  return portal_run(session, &session->unnamed, 0, error);
}

// Runs what is left of the Query. RUN_DONE, RUN_JOB, RUN_COPY, RUN_RESTART or an error.
static int simple_continue(struct session *session, struct error *error)
{
  int status = RUN_DONE;
  while (!status && session->simple && session->simple_next < session->simple->statement_count) {
    const struct parsed *parsed = &session->simple->statements[session->simple_next++];
    arena_reset(&session->scratch);
    status = simple_statement(session, parsed, error);
    if (!status)
      status = simple_run(session, error);
  }
  return status;
}

static bool has_transaction_command(const struct parse *parse)
{
  for (int i = 0; i < parse->statement_count; i++)
    if (parse->statements[i].node && utility_kind(&parse->statements[i]) == UTILITY_TRANSACTION)
      return true;
  return false;
}

// A single statement that is in the cache as it stands (BEGIN, COMMIT).
static bool simple_cached(struct session *session)
{
  struct bytes text = session->simple_text;
  while (text.size && (text.data[text.size - 1] == ';' || text.data[text.size - 1] == ' '))
    text.size--;
  struct prepared_input input = {.version = session_version(session), .settings = &session->settings, .text = text};
  struct prepared *prepared = prepared_find(&session->partition->cache, &input);
  bool is_good = prepared && !(prepared->statement && prepared->statement->parameter_count > 0);
  if (!is_good) {
    prepared_release(prepared);
    return false;
  }
  portal_clear(&session->unnamed);
  session->unnamed.prepared = prepared;
  return true;
}

static int simple_begin(struct session *session, struct error *error)
{
  int status = session->as_branch ? STATUS_LONG : simple_stripped(session, error);
  if (status == STATUS_LONG && !session->as_branch && simple_cached(session))
    status = 0;
  if (!status)
    return simple_run(session, error);
  if (status != STATUS_LONG)
    return status;
  error_clear(error);
  session->simple = parse_open_within(session->simple_text, &session->account, error);
  session->simple_next = 0;
  if (!session->simple)
    return error->status;
  if (session->simple->statement_count == 0) {
    message_empty(replies(session), 'I');
    return RUN_DONE;
  }
  if (session->simple->statement_count > 1 && session->transaction == TRANSACTION_NONE &&
      has_transaction_command(session->simple))
    session->as_branch = true;
  return simple_continue(session, error);
}

void session_end_simple(struct session *session)
{
  parse_close(session->simple);
  session->simple = NULL;
  group_end(session);
}

// What follows on a run of the Query's statements.
static void simple_ran(struct session *session, int status, struct error *error)
{
  if (status == RUN_JOB || status == RUN_COPY || status == RUN_WAIT)
    return;
  if (status < 0 && batch_starts_again(session, error))
    return;
  if (status < 0 && !session->has_failed)
    session_fail(session, error);
  session_end_simple(session);
}

void session_resume_simple(struct session *session, enum waiting waiting)
{
  struct error error;
  error_clear(&error);
  arena_reset(&session->scratch);
  if (waiting == WAITING_END) {
    session_end_simple(session);
    return;
  }
  int status = portal_run(session, &session->unnamed, 0, &error);
  if (!status)
    status = simple_continue(session, &error);
  simple_ran(session, status, &error);
}

static void on_query(struct session *session, const struct message *message)
{
  struct error error;
  error_clear(&error);
  struct message_reader reader = {.body = message->body};
  session->simple_text = read_string(&reader);
  session_note_query(session, session->simple_text);
  int status;
  if (reader.failed || reader.at != message->body.size)
    status = malformed("Query", &error);
  else
    status = simple_begin(session, &error);
  if (status == RUN_RESTART) {
    group_restart(session);
    parse_close(session->simple);
    session->simple = NULL;
    struct message again;
    CHECK(message_next(buffer_bytes(&session->input), &session->input_at, &again, &error) > 0);
    status = simple_begin(session, &error);
  }
  simple_ran(session, status, &error);
}

// --- The loop ----------------------------------------------------------------------------------------------------------

void session_end_copy(struct session *session, const struct error *error)
{
  copying_close(session);
  session_fail(session, error);
  if (!session->is_extended)
    session_end_simple(session);
}

static void on_copy_message(struct session *session, const struct message *message)
{
  struct error error;
  error_clear(&error);
  int status = copying_message(session, message, &error);
  if (status == RUN_COPY)
    return;
  if (status < 0)
    session_fail(session, &error);
  if (session->is_extended)
    return; // its Sync ends the group
  if (!status)
    status = simple_continue(session, &error);
  simple_ran(session, status, &error);
}

static void on_extended(struct session *session, const struct message *message)
{
  if (message->type == 'S') {
    group_end(session);
    return;
  }
  if (session->has_failed)
    return;
  struct error error;
  error_clear(&error);
  int status = extended_message(session, message, &error);
  if (status == RUN_RESTART)
    group_restart(session);
  else if (status < 0 && !batch_starts_again(session, &error))
    session_fail(session, &error);
}

// A job has ended: the Query of which it was part goes on.
static void continue_simple(struct session *session)
{
  struct error error;
  error_clear(&error);
  int status = session->has_failed ? RUN_DONE : simple_continue(session, &error);
  simple_ran(session, status, &error);
}

static bool is_copy_message(char type)
{
  return type == 'd' || type == 'c' || type == 'f';
}

// Begins the message's group if none runs. False: it must wait for more.
static bool enter_group(struct session *session, const struct message *message, struct error *error)
{
  if (message->type == 'Q' && session->starts_again) {
    session->starts_again = false;
    return true;
  }
  if (message->type == 'Q') {
    int status = session->in_group ? transaction_group_end(session, error) : 0; // no Sync before it: what stood there ends here
    if (status == STATUS_WAIT) {
      waiting_begin(session, session->branch ? WAITING_END : WAITING_GROUP);
      return false;
    }
    batch_tell(session);
    if (status)
      session_fail(session, error);
    session->group_start = session->input_at;
    session->group_replies = replies(session)->size;
    group_begin(session, false);
    return true;
  }
  bool may_run = transaction_in_branch(session) || (session->in_group && session->input_at < session->ready_until) ||
                 part_is_ready(session, error);
  if (may_run && !session->in_group)
    group_begin(session, true);
  return may_run;
}

// Takes and runs one message. False: there is none that may run now.
static bool take_message(struct session *session)
{
  struct error error;
  error_clear(&error);
  struct message message;
  size_t next = session->input_at;
  int got = message_next(buffer_bytes(&session->input), &next, &message, &error);
  if (got < 0)
    session_break(session, &error);
  else if (got > 0 && message.type == 'X')
    session->is_broken = true;
  if (got <= 0 || session->is_broken)
    return false;
  bool is_copy = session->copying || (!session->in_group && is_copy_message(message.type));
  if (!is_copy && !enter_group(session, &message, &error))
    return false;
  size_t begin = session->input_at;
  session->input_at = next;
  arena_reset(&session->scratch);
  if (session->copying)
    on_copy_message(session, &message);
  else if (message.type == 'Q')
    on_query(session, &message);
  else if (session->in_group) // otherwise it is what is left of a COPY that has failed
    on_extended(session, &message);
  if (session->waiting && session->waiting != WAITING_GROUP && session->is_extended)
    session->input_at = begin; // it is taken once more
  return true;
}

void session_process(struct session *session)
{
  if (session->in_group && !session->is_extended && session->job_ended)
    continue_simple(session);
  session->job_ended = false;
  while (!session->job && !session->waiting && !session->rests && !session->is_broken && !session->is_closing &&
         take_message(session))
    ;
  if (session->is_broken) {
    copying_close(session);
    transaction_abort(session);
    claims_release(&session->partition->claims, &session->claimant, true);
  }
  if (!session->in_group || session->copying) { // a group's own messages stay where they are: it may start again
    size_t left = session->input.size - session->input_at;
    if (session->rests && session->input_at < left)
      return; // much waits, and one group a time is taken from it
    if (left > 0)
      memmove(session->input.data, session->input.data + session->input_at, left);
    session->input.size = left;
    if (left == 0 && session->input.capacity > INPUT_KEPT)
      buffer_deinit(&session->input);
    session->input_at = 0;
    session->ready_until = 0;
  }
}
