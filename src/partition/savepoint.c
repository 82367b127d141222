// SAVEPOINT, ROLLBACK TO, RELEASE.
//
// 1. A savepoint is a mark in the branch's change list. ROLLBACK TO undoes effects, never the script: the client saw the
//    replies, and they are promises still. So the three are steps of the script themselves.
// 2. The stack of a session and the one that a second run makes are equal, but for the marks.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

static bool list_reserve(struct savepoints *list)
{
  if (list->count < list->capacity)
    return true;
  int capacity = list->capacity ? list->capacity * 2 : 8;
  size_t more = (size_t)(capacity - list->capacity) * sizeof *list->list;
  if (list->account && !account_charge(list->account, more))
    return false;
  struct savepoint *grown = realloc(list->list, (size_t)capacity * sizeof *grown);
  if (!grown) {
    if (list->account)
      account_release(list->account, more);
    return false;
  }
  list->list = grown;
  list->capacity = capacity;
  return true;
}

static void cut(struct savepoints *list, int count)
{
  while (list->count > count)
    free(list->list[--list->count].settings);
}

void savepoints_deinit(struct savepoints *list)
{
  cut(list, 0);
  free(list->list);
  if (list->account)
    account_release(list->account, (size_t)list->capacity * sizeof *list->list);
  *list = (struct savepoints){.account = list->account};
}

// The newest of this name. 3B001.
static int find(const struct savepoints *list, const char *name, int *place, struct error *error)
{
  for (*place = list->count - 1; *place >= 0; --*place)
    if (strcmp(list->list[*place].name, name) == 0)
      return 0;
  return error_set(error, SQLSTATE_INVALID_SAVEPOINT, "savepoint \"%s\" does not exist", name);
}

static int push(struct savepoints *list, const char *name, struct atom_mark mark, struct error *error)
{
  if (list->count >= LIMIT_SAVEPOINTS)
    return error_set(error, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many savepoints: %d", LIMIT_SAVEPOINTS);
  if (!list_reserve(list))
    return error_memory(error);
  struct savepoint *savepoint = &list->list[list->count++];
  *savepoint = (struct savepoint){.mark = mark};
  snprintf(savepoint->name, sizeof savepoint->name, "%s", name);
  return 0;
}

int savepoints_run_step(struct savepoints *list, struct writer *writer, struct bytes step, struct error *error)
{
  char name[LIMIT_IDENTIFIER + 1] = {0};
  memcpy(name, step.data + 1, step.size - 1);
  if (step.data[0] == STEP_SAVEPOINT)
    return push(list, name, writer_mark(writer), error);
  int place;
  int status = find(list, name, &place, error);
  if (status)
    return status;
  if (step.data[0] == STEP_ROLLBACK_TO)
    writer_rollback(writer, list->list[place].mark);
  cut(list, step.data[0] == STEP_ROLLBACK_TO ? place + 1 : place);
  return 0;
}

void savepoints_moved(struct savepoints *list, const struct savepoints *moved)
{
  for (int i = 0; i < list->count && i < moved->count; i++)
    list->list[i].mark = moved->list[i].mark;
}

static int record(struct session *session, enum script_step kind, const char *name, struct error *error)
{
  struct promise nothing = {0};
  return transaction_record_copy(session, (char)kind, bytes_of_string(name), &nothing, &no_reads, error);
}

// The settings as they were: of the savepoint itself or of the last one before it that noted any.
static const struct settings *settings_at(const struct session *session, int place)
{
  const struct savepoint *list = session->savepoints.list;
  return place < 0 ? NULL : list[list[place].noted].settings;
}

const struct settings *savepoint_settings(const struct session *session)
{
  return settings_at(session, session->savepoints.count - 1);
}

static int savepoint_command(struct session *session, const char *name, struct error *error)
{
  const struct version *version;
  struct writer writer;
  struct savepoints *list = &session->savepoints;
  int status = transaction_version(session, ACCESS_READ, &version, NULL, error);
  if (status)
    return status;
  list->account = &session->partition->account;
  writer = (struct writer){0};
  branch_writer(session->branch, &writer);
  status = push(list, name, writer_mark(&writer), error);
  if (status)
    return status;
  struct savepoint *savepoint = &list->list[list->count - 1];
  savepoint->portals = session->portal_count;
  const struct settings now[2] = {session->settings, session->settings_after};
  const struct settings *before = settings_at(session, list->count - 2);
  savepoint->noted = list->count > 1 ? savepoint[-1].noted : 0;
  if (!before || memcmp(before, now, sizeof now) != 0) {
    savepoint->noted = list->count - 1;
    savepoint->settings = malloc(sizeof now);
    if (!savepoint->settings) {
      list->count--;
      return error_memory(error);
    }
    memcpy(savepoint->settings, now, sizeof now);
  }
  status = record(session, STEP_SAVEPOINT, name, error);
  if (status)
    cut(list, list->count - 1);
  else
    message_tag(&session->partition->replies, "SAVEPOINT");
  return status;
}


static int undo_to(struct session *session, int place, const char *name, struct error *error)
{
  struct writer writer = {0};
  branch_writer(session->branch, &writer);
  writer_rollback(&writer, session->savepoints.list[place].mark);
  return record(session, STEP_ROLLBACK_TO, name, error);
}

static int rollback_to_command(struct session *session, const char *name, struct error *error)
{
  struct savepoints *list = &session->savepoints;
  int place;
  if (session->is_lost)
    return transaction_refuse(session, error);
  int status = session->is_outdated ? transaction_outdated(session, error) : find(list, name, &place, error);
  if (!status)
    status = undo_to(session, place, name, error);
  if (status)
    return status;
  session_forget_portals_since(session, list->list[place].portals);
  const struct settings *settings = settings_at(session, place);
  session_restore_settings(session, &settings[0]);
  session->settings_after = settings[1];
  cut(list, place + 1);
  session->transaction = TRANSACTION_OPEN;
  message_tag(&session->partition->replies, "ROLLBACK");
  return 0;
}

static int release_command(struct session *session, const char *name, struct error *error)
{
  int place;
  int status = find(&session->savepoints, name, &place, error);
  if (!status)
    status = record(session, STEP_RELEASE, name, error);
  if (status)
    return status;
  cut(&session->savepoints, place);
  message_tag(&session->partition->replies, "RELEASE");
  return 0;
}

int savepoint_run(struct session *session, const PgQuery__TransactionStmt *command, struct error *error)
{
  PgQuery__TransactionStmtKind kind = command->kind;
  const char *tag = kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT     ? "SAVEPOINT"
                    : kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO ? "ROLLBACK TO SAVEPOINT"
                                                                                      : "RELEASE SAVEPOINT";
  if (session->transaction == TRANSACTION_NONE)
    return error_set(error, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "%s can only be used in transaction blocks", tag);
  if (kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO)
    return rollback_to_command(session, command->savepoint_name, error);
  if (session->transaction == TRANSACTION_FAILED)
    return transaction_refuse(session, error);
  return kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT
           ? savepoint_command(session, command->savepoint_name, error)
           : release_command(session, command->savepoint_name, error);
}
