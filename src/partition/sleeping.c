// pg_sleep: a statement that sleeps is undone, waits as others wait for claims (waiting.c), and runs again when its
// time has come.
//
// 1. What was slept is counted for the session's work as a whole (`slept`): it is granted to the calls in their order,
//    as they run again. `granted` is what the calls since the beginning of what will run again have got.
// 2. Both begin anew when the session is at rest (timeouts_arrange).
// 3. A script's second run does not sleep.
#include <math.h>

#include "base/sqlstate.h"
#include "partition/state.h"

static void sleep_timer_expires(struct timer *timer)
{
  struct session *session = (struct session *)((char *)timer - offsetof(struct session, sleep.timer));
  struct partition *partition = session->partition;
  session->sleep.slept = partition->time.monotonic - session->sleep.began + session->sleep.slept_before;
  if (session->waiting && session->sleep.is_asleep)
    claims_make_ready(&partition->claims, &session->claimant);
  session->sleep.is_asleep = false;
}

void sleeping_init(struct session *session)
{
  session->sleep.timer.expire = sleep_timer_expires;
}

void sleeping_end(struct session *session)
{
  timer_clear(&session->partition->timers, &session->sleep.timer);
  session->sleep.is_asleep = false;
  session->sleep.slept = session->sleep.granted = 0;
}

void sleeping_restart(struct session *session, bool is_group)
{
  session->sleep.granted = is_group ? 0 : session->sleep.granted_before;
}

static int sleep_for(struct run_context *context, double seconds, struct error *error)
{
  struct session *session = context->session;
  struct sleep *sleep = &session->sleep;
  struct partition *partition = session->partition;
  if (!context->has_slept)
    sleep->granted_before = sleep->granted;
  context->has_slept = true;
  if (isnan(seconds) || seconds <= 0)
    return 0;
  int64_t wanted = seconds > 1e9 ? (int64_t)1e15 : (int64_t)ceil(seconds * 1e6);
  sleep->granted += wanted;
  if (sleep->granted <= sleep->slept)
    return 0;
  sleep->began = partition->time.monotonic;
  sleep->slept_before = sleep->slept;
  if (!timer_set(&partition->timers, &sleep->timer, sleep->began + sleep->granted - sleep->slept))
    return error_memory(error);
  sleep->is_asleep = true;
  return STATUS_WAIT;
}

bool sleep_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                    struct value *result, int *status)
{
  struct run_context *context = evaluation->context;
  if (strcmp(name, "pg_sleep") != 0)
    return false;
  *result = value_bytes((const uint8_t *)"", 0);
  *status = 0;
  if (!context->session)
    *status = error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "pg_sleep can only be called in a session");
  else if (!context->is_again)
    *status = sleep_for(context, arguments[0].float8, evaluation->error);
  return true;
}
