// pg_cancel_backend and pg_terminate_backend: one session ends what another one is at, or its conversation.
//
// 1. A signal is a timer of the session that it is for, due at once: it is heard between two steps' frames, never amid
//    another session's statement.
// 2. A conversation that is to end while a worker runs its job ends when the job is back.
#include <stdio.h>

#include "base/sqlstate.h"
#include "partition/state.h"
#include "table/role.h"

enum { ASK_AGAIN_US = 1000 };

static bool raise_signal(struct session *session, enum session_signal signal, int64_t in)
{
  struct partition *partition = session->partition;
  if (!timer_set(&partition->timers, &session->signal_timer, partition->time.monotonic + in))
    return false;
  if (signal > session->signal)
    session->signal = signal;
  return true;
}

static void hear(struct timer *timer)
{
  struct session *session = (struct session *)((char *)timer - offsetof(struct session, signal_timer));
  struct partition *partition = session->partition;
  enum session_signal signal = session->signal;
  struct error error;
  size_t begin = partition->replies.size;
  session->signal = SIGNAL_NONE;
  session->group_replies = begin;
  session_interrupt(session, signal == SIGNAL_TERMINATE ? "administrator command" : "user request");
  if (signal == SIGNAL_TERMINATE && session->job && raise_signal(session, signal, ASK_AGAIN_US))
    return;
  if (signal == SIGNAL_TERMINATE && !session->job) {
    error_clear(&error);
    int status = error_set(&error, SQLSTATE_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
    (void)status;
    session_break(session, &error);
  }
  if (!session->job && !session->waiting)
    session_process(session);
  output_replies(partition, session, begin);
}

void signals_init(struct session *session)
{
  session->signal_timer.expire = hear;
}

static struct session *find_backend(struct partition *partition, int64_t number)
{
  size_t at = 0;
  for (struct map_entry *entry; (entry = map_next(&partition->sessions, &at));) {
    struct session *session = entry->value;
    if (session->settings.backend == number && !session->is_closing)
      return session;
  }
  return NULL;
}

static int check_role(const struct evaluation *evaluation, const struct session *target, enum session_signal signal)
{
  const struct run_context *context = evaluation->context;
  const struct version *version = context->system->version;
  uint32_t role = context->system->settings->role, other = target->settings.session_role;
  bool ends = signal == SIGNAL_TERMINATE;
  if (role_is_superuser(version, other, NULL) && !role_is_superuser(version, role, NULL))
    return error_set(evaluation->error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "must be a superuser to %s",
                     ends ? "terminate superuser process" : "cancel superuser query");
  if (role_has(version, role, other, NULL) || role_has(version, role, ROLE_SIGNAL_BACKEND, NULL))
    return 0;
  return error_set(evaluation->error, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                   "must be a member of the role whose %s or member of pg_signal_backend",
                   ends ? "process is being terminated" : "query is being canceled");
}

static int send(const struct evaluation *evaluation, int64_t number, enum session_signal signal, int64_t *answer)
{
  struct run_context *context = evaluation->context;
  struct session *target = find_backend(context->partition, number);
  if (target) {
    int status = check_role(evaluation, target, signal);
    if (!status && !raise_signal(target, signal, 0))
      status = error_memory(evaluation->error);
    *answer = !status;
    return status;
  }
  char text[80];
  snprintf(text, sizeof text, "PID %lld is not a PostgreSQL server process", (long long)number);
  if (context->session)
    transaction_warn(context->session, SQLSTATE_WARNING, text);
  *answer = false;
  return 0;
}

bool signal_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                     int *status)
{
  enum session_signal signal = strcmp(name, "pg_cancel_backend") == 0      ? SIGNAL_CANCEL
                               : strcmp(name, "pg_terminate_backend") == 0 ? SIGNAL_TERMINATE
                                                                           : SIGNAL_NONE;
  if (signal == SIGNAL_NONE)
    return false;
  struct run_context *context = evaluation->context;
  int64_t answer = false;
  *status = 0;
  if (context->is_again)
    context->numbers->again(context->numbers->context, NUMBER_ANSWER, &answer);
  else
    *status = send(evaluation, arguments[0].integer, signal, &answer);
  if (!*status && !context->is_again && context->numbers)
    *status = context->numbers->keep(context->numbers->context, NUMBER_ANSWER, answer, evaluation->error);
  *result = value_boolean(answer);
  return true;
}
