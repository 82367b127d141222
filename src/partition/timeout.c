// statement_timeout, idle_in_transaction_session_timeout, idle_session_timeout; and what else ends what a session is at.
//
// 1. At the end of whatever a session does, timeouts_arrange sets the timer of the state in which it is left: one for a
//    statement that is not done, another for a client that is silent. Work on the loop takes no time between two steps.
// 2. A statement's time begins when it is first left undone, and ends with it: a wait or a job that follows goes on
//    with the same timer.
#include "base/sqlstate.h"
#include "partition/state.h"

static bool is_at_work(const struct session *session)
{
  return session->job || session->waiting || session->copying;
}

// How long the client may be silent, in milliseconds. 0: for ever.
static int64_t patience_ms(const struct session *session)
{
  if (session->transaction != TRANSACTION_NONE || session->branch)
    return session->settings.idle_in_transaction_timeout_ms;
  return session->in_group ? 0 : session->settings.idle_timeout_ms;
}

void timeouts_arrange(struct session *session)
{
  struct partition *partition = session->partition;
  if (!is_at_work(session))
    sleeping_end(session);
  bool is_over = session->is_broken || session->is_closing, is_at_work_now = is_at_work(session);
  int64_t statement_ms = is_over || !is_at_work_now ? 0 : session->settings.statement_timeout_ms;
  if (!statement_ms)
    timer_clear(&partition->timers, &session->statement_timer);
  else if (!session->statement_timer.place)
    (void)!timer_set(&partition->timers, &session->statement_timer, partition->time.monotonic + statement_ms * 1000);
  int64_t idle_ms = is_over || is_at_work_now ? 0 : patience_ms(session);
  if (!idle_ms)
    timer_clear(&partition->timers, &session->idle_timer);
  else
    (void)!timer_set(&partition->timers, &session->idle_timer, partition->time.monotonic + idle_ms * 1000);
}

void timeouts_clear(struct session *session)
{
  sleeping_end(session);
  timer_clear(&session->partition->timers, &session->statement_timer);
  timer_clear(&session->partition->timers, &session->idle_timer);
  timer_clear(&session->partition->timers, &session->signal_timer);
}

void session_interrupt(struct session *session, const char *reason)
{
  struct error error;
  error_clear(&error);
  int status = error_set(&error, SQLSTATE_QUERY_CANCELED, "canceling statement due to %s", reason);
  (void)status;
  if (session->job && !session->job_waits)
    job_interrupt(session->job, &error);
  else if (session->waiting)
    waiting_fail(session, &error);
  else if (session->copying)
    session_end_copy(session, &error);
  else if (session->job) {
    job_abandon(session);
    session_fail(session, &error);
  }
}

static void statement_timer_expires(struct timer *timer)
{
  struct session *session = (struct session *)((char *)timer - offsetof(struct session, statement_timer));
  struct partition *partition = session->partition;
  size_t begin = partition->replies.size;
  session->group_replies = begin;
  session_interrupt(session, "statement timeout");
  if (!session->job && !session->waiting)
    session_process(session);
  output_replies(partition, session, begin);
}

static void idle_timer_expires(struct timer *timer)
{
  struct session *session = (struct session *)((char *)timer - offsetof(struct session, idle_timer));
  struct partition *partition = session->partition;
  bool in_transaction = session->transaction != TRANSACTION_NONE || session->branch;
  struct error error;
  error_clear(&error);
  int status = in_transaction
                 ? error_set(&error, SQLSTATE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                             "terminating connection due to idle-in-transaction timeout")
                 : error_set(&error, SQLSTATE_IDLE_SESSION_TIMEOUT, "terminating connection due to idle-session timeout");
  (void)status;
  size_t begin = partition->replies.size;
  session->group_replies = begin;
  session_break(session, &error);
  session_process(session);
  output_replies(partition, session, begin);
}

void timeouts_init(struct session *session)
{
  session->statement_timer.expire = statement_timer_expires;
  session->idle_timer.expire = idle_timer_expires;
}
