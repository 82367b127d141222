// SET, SHOW and RESET; and how settings go with transactions.
//
// 1. `settings` is what holds now. `settings_at_begin` comes back when the transaction fails or is rolled back,
//    `settings_after` is what a COMMIT leaves: SET changes both `settings` and it, SET LOCAL does not.
// 2. The last two are noted by whoever changes a setting first, BEGIN included: has_noted_settings. A group without
//    BEGIN is a transaction here too.
// 3. The characteristics (isolation level, read-only, deferrable) are of one transaction: each begins with the defaults.
#include <stdio.h>
#include <strings.h>

#include "base/sqlstate.h"
#include "partition/state.h"
#include "sql/utility.h"

static struct buffer *replies(struct session *session)
{
  return &session->partition->replies;
}

// --- With transactions -------------------------------------------------------------------------------------------

void session_note_settings(struct session *session)
{
  if (session->has_noted_settings)
    return;
  session->settings_at_begin = session->settings_after = session->settings;
  session->has_noted_settings = true;
}

// Tells the client of the settings that are not as they were.
static void report_changes(struct session *session, const struct settings *before)
{
  const char *name;
  char old[256], new[256];
  for (int i = 0; (name = settings_name(i)); i++) {
    if (!settings_reported(name))
      continue;
    const char *was = settings_show(before, name, old, sizeof old);
    const char *is = settings_show(&session->settings, name, new, sizeof new);
    if (strcmp(was, is) != 0)
      message_parameter_status(replies(session), name, is);
  }
}

void session_restore_settings(struct session *session, const struct settings *settings)
{
  if (memcmp(&session->settings, settings, sizeof *settings) == 0)
    return; // most transactions change none
  struct settings before = session->settings;
  session->settings = *settings;
  settings_keep_custom(&session->settings, &before);
  settings_moved(&session->settings);
  session->path_definitions = 0;
  report_changes(session, &before);
}

void session_end_settings(struct session *session, bool is_committed)
{
  if (!session->has_noted_settings)
    return;
  settings_begin_transaction(&session->settings);
  session_restore_settings(session, is_committed ? &session->settings_after : &session->settings_at_begin);
  settings_begin_transaction(&session->settings);
  session->has_noted_settings = false;
}

// --- SET and RESET -------------------------------------------------------------------------------------------------

static uint32_t find_schema(void *context, const char *name)
{
  struct session *session = context;
  uint32_t temporary = settings_temporary(&session->settings);
  if (strcmp(name, "pg_temp") == 0) // it is on the path once there is one
    return catalog_schema_name(session->partition->catalog, session_version(session), temporary) ? temporary : 0;
  bool is_own = strcmp(name, "$user") == 0;
  const char *own = session->settings.role_name[0] ? session->settings.role_name : session->settings.user;
  uint32_t oid = catalog_schema(session->partition->catalog, session_version(session), is_own ? own : name);
  bool is_others = schema_is_temporary(oid) && oid != temporary;
  return is_others || (is_own && oid == SCHEMA_QUERN) ? 0 : oid; // the first role happens to have its name
}

void session_refresh_path(struct session *session)
{
  uint64_t definitions = version_definitions(session_version(session));
  if (session->path_definitions == definitions)
    return;
  struct error ignored;
  char text[sizeof session->settings.search_path_text];
  snprintf(text, sizeof text, "%s", session->settings.search_path_text);
  (void)!settings_set(&session->settings, "search_path", text, find_schema, session, &ignored);
  session->path_definitions = definitions;
}

int session_setting(struct session *session, struct settings *settings, const char *name, const char *value,
                    struct error *error)
{
  return identity_is_setting(name) ? identity_set(session, settings, name, value, error)
                                   : settings_set(settings, name, value, find_schema, session, error);
}

// May a characteristic of the running transaction still become what `changed` has? 25001.
static int check_characteristics(struct session *session, const struct settings *changed, struct error *error)
{
  const struct settings *settings = &session->settings, *outer = savepoint_settings(session);
  if (session->transaction != TRANSACTION_OPEN)
    return 0;
  const char *text = NULL;
  if (strcmp(changed->isolation, settings->isolation) != 0)
    text = session->has_queried ? "SET TRANSACTION ISOLATION LEVEL must be called before any query"
           : outer              ? "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction"
                                : NULL;
  else if (settings->read_only && !changed->read_only)
    text = outer && outer->read_only ? "cannot set transaction read-write mode inside a read-only transaction"
           : session->has_queried    ? "transaction read-write mode must be set before any query"
                                     : NULL;
  return text ? error_set(error, SQLSTATE_ACTIVE_SQL_TRANSACTION, "%s", text) : 0;
}

// Even the value that it has may not be set once more.
static int check_deferrable(const struct session *session, const char *name, struct error *error)
{
  if (session->transaction != TRANSACTION_OPEN || strcasecmp(name, "transaction_deferrable") != 0)
    return 0;
  if (session->savepoints.count)
    return error_set(error, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                     "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction");
  if (session->has_queried)
    return error_set(error, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                     "SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
  return 0;
}

static int set_one(struct session *session, const char *name, const char *value, bool is_local, struct error *error)
{
  struct settings changed = session->settings;
  int status = session_setting(session, &changed, name, value, error);
  if (!status)
    status = check_deferrable(session, name, error);
  if (!status)
    status = check_characteristics(session, &changed, error);
  if (status)
    return status;
  session_note_settings(session);
  if (!is_local)
    status = session_setting(session, &session->settings_after, name, value, error);
  if (identity_is_setting(name)) { // it changes more than itself
    session_restore_settings(session, &changed);
    return status;
  }
  session->settings = changed;
  settings_moved(&session->settings);
  const char *reported = settings_reported(name);
  char scratch[256];
  const char *shown = reported ? settings_show(&session->settings, name, scratch, sizeof scratch) : NULL;
  if (shown)
    message_parameter_status(replies(session), reported, shown);
  return status;
}

// When a script is run again, the session has what was set; the answer must be what it was.
static int set_config(struct evaluation *evaluation, const struct value *arguments, struct value *result)
{
  struct run_context *context = evaluation->context;
  struct session *session = context->session;
  char scratch[256];
  if (!session)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "set_config can only be called in a session");
  const char *name = arena_format(evaluation->arena, "%.*s", (int)arguments[0].size, (const char *)arguments[0].data);
  const char *value = arena_format(evaluation->arena, "%.*s", (int)arguments[1].size, (const char *)arguments[1].data);
  if (!name || !value)
    return error_memory(evaluation->error);
  struct settings changed = session->settings;
  int status = context->is_again ? session_setting(session, &changed, name, value, evaluation->error)
                                 : set_one(session, name, value, arguments[2].integer, evaluation->error);
  if (status)
    return status;
  const char *shown = settings_show(context->is_again ? &changed : &session->settings, name, scratch, sizeof scratch);
  const char *text = arena_string(evaluation->arena, shown ? shown : value);
  if (!text)
    return error_memory(evaluation->error);
  *result = value_string(text);
  return 0;
}

bool setting_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                      int *status)
{
  if (strcmp(name, "set_config") != 0)
    return false;
  *status = set_config(evaluation, arguments, result);
  return true;
}

static int set_list(struct session *session, const PgQuery__VariableSetStmt *set, struct error *error)
{
  struct buffer value = {0};
  bool is_good = setting_value(set, &value);
  buffer_append_u8(&value, 0);
  int status;
  if (value.failed)
    status = error_memory(error);
  else if (!is_good)
    status = error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "SET takes constants only");
  else
    status = set_one(session, set->name, (const char *)value.data, set->is_local, error);
  buffer_deinit(&value);
  return status;
}

int session_set_characteristics(struct session *session, PgQuery__Node **options, size_t count, bool as_default,
                                struct error *error)
{
  int status = 0;
  for (size_t i = 0; !status && i < count; i++) {
    const PgQuery__DefElem *option = options[i]->def_elem;
    char name[64];
    struct buffer value = {0};
    if (!option->arg || !setting_constant(option->arg, &value))
      continue;
    buffer_append_u8(&value, 0);
    snprintf(name, sizeof name, "%s%s", as_default ? "default_" : "", option->defname);
    status = value.failed ? error_memory(error) : set_one(session, name, (const char *)value.data, !as_default, error);
    buffer_deinit(&value);
  }
  return status;
}

// SET TRANSACTION …, SET SESSION CHARACTERISTICS AS TRANSACTION …
static int set_transaction(struct session *session, const PgQuery__VariableSetStmt *set, struct error *error)
{
  bool for_session = strcmp(set->name, "SESSION CHARACTERISTICS") == 0;
  if (!for_session && session->transaction == TRANSACTION_NONE)
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                     "SET TRANSACTION can only be used in transaction blocks");
  if (strcmp(set->name, "TRANSACTION SNAPSHOT") == 0)
    return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "snapshots cannot be imported");
  return session_set_characteristics(session, set->args, set->n_args, for_session, error);
}

// What a setting had at the login. NULL: its own default, as of what belongs to a transaction or says who it is.
static const char *value_at_login(const struct session *session, const char *name, char *scratch, int size)
{
  if (identity_is_setting(name) || strncasecmp(name, "transaction_", strlen("transaction_")) == 0)
    return NULL;
  return settings_show(&session->settings_at_login, name, scratch, size);
}

static void reset(const struct session *session, struct settings *settings)
{
  struct settings fresh = session->settings_at_login;
  memcpy(fresh.user, settings->user, sizeof fresh.user);
  memcpy(fresh.role_name, settings->role_name, sizeof fresh.role_name);
  memcpy(fresh.database, settings->database, sizeof fresh.database);
  memcpy(fresh.isolation, settings->isolation, sizeof fresh.isolation);
  fresh.role = settings->role;
  fresh.session_role = settings->session_role;
  fresh.login_role = settings->login_role;
  fresh.is_superuser = settings->is_superuser;
  fresh.backend = settings->backend;
  fresh.read_only = settings->read_only;
  fresh.deferrable = settings->deferrable;
  *settings = fresh;
  settings_moved(settings);
}

void session_reset_settings(struct session *session)
{
  session_note_settings(session);
  struct settings fresh = session->settings;
  reset(session, &fresh);
  reset(session, &session->settings_after);
  session_restore_settings(session, &fresh);
}

int set_command(struct session *session, const PgQuery__VariableSetStmt *set, struct error *error)
{
  int status = 0;
  const char *tag = "SET";
  char scratch[256];
  if (set->is_local && session->transaction == TRANSACTION_NONE && !session_more_follows(session))
    transaction_warn(session, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "SET LOCAL can only be used in transaction blocks");
  switch (set->kind) {
  case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE: status = set_list(session, set, error); break;
  case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI: status = set_transaction(session, set, error); break;
  case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
    status = set_one(session, set->name, value_at_login(session, set->name, scratch, sizeof scratch), set->is_local,
                     error);
    break;
  case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
    tag = "RESET";
    status = set_one(session, set->name, value_at_login(session, set->name, scratch, sizeof scratch), false, error);
    break;
  case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
    tag = "RESET";
    session_reset_settings(session);
    break;
  default: return error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this form of SET is not supported");
  }
  if (!status)
    message_tag(replies(session), tag);
  return status;
}

int show_command(struct session *session, const PgQuery__VariableShowStmt *show, struct error *error)
{
  char scratch[256];
  if (strcmp(show->name, "all") == 0) {
    const char *name;
    for (int i = 0; (name = settings_name(i)); i++) {
      const struct setting_text *text = settings_text(name);
      const char *row[3] = {name, settings_show(&session->settings, name, scratch, sizeof scratch),
                            text ? text->description : ""};
      message_text_row(replies(session), row, 3);
    }
  } else {
    const char *value = settings_show(&session->settings, show->name, scratch, sizeof scratch);
    if (!value)
      return error_set(error, SQLSTATE_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"", show->name);
    message_text_row(replies(session), &value, 1);
  }
  message_tag(replies(session), "SHOW");
  return 0;
}
