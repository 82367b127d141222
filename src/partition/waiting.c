// Sessions that wait for others' claims, and the way on.
//
//             STATUS_WAIT                       ready: the branch moved to the trunk
//   running --------------> waiting (queued) ------------------------------------------> running: the same again
//                              |  cancel, timeout, the youngest of a deadlock, a promise broken by the move
//                              +------------------------------------------------------> failed, as after any error
//
// 1. Who waits holds nothing but claims: an atom was undone, a statement of a branch too.
// 2. What is done again is what the client sent: a message, a statement of a Query, or a whole group. None of its
//    replies has left.
#include "base/check.h"
#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

// --- What statements tell of what they rely on ------------------------------------------------------------------

enum { EAGER_CLAIMS = 1000 }; // rows that a transaction claims because its forerunner failed

// Rows on which others have failed lately are claimed when they are read, as it may fail on them, too; not by who cannot
// fail.
static bool takes_soft_claims(const struct session *session)
{
  return heat_any(&session->partition->trunk.heat) && !session->is_hasty && !session->settings.read_only;
}

// A branch's claims. Past their bound what is asked for claims the table, and the rest goes unclaimed.
static int claim_for_branch(struct session *session, const struct claim_wish *wish, struct error *error)
{
  struct claim_request request = {
    .tag = {CLAIM_ON_ROW, wish->tree, wish->key},
    .mode = wish->mode,
    .wait = wish->wait,
    .is_prefix = wish->is_prefix,
    .is_soft = wish->is_soft,
  };
  if (session->claimant.hold_count >= LIMIT_CLAIMS) {
    if (!wish->is_asked)
      return 0;
    request.tag = (struct claim_tag){.kind = CLAIM_ON_TABLE, .tree = wish->tree};
    request.mode = wish->mode >= CLAIM_NO_KEY_UPDATE ? CLAIM_TABLE_EXCLUSIVE : CLAIM_TABLE_SHARE;
  }
  struct claims *claims = &session->partition->claims;
  if (session->claimant.is_broken) { // it waits for nobody before it knows that its promises still hold
    session->claimant.is_broken = false;
    claims_make_ready(claims, &session->claimant);
    return STATUS_WAIT;
  }
  int status = claim_take(claims, &session->claimant, &request, error);
  if (!status && wish->wait == CLAIM_OR_SKIP)
    status = script_keep(session, KEPT_ROW, wish->key, error);
  if (status || !branch_is_stale(session->branch, wish->tree, wish->key, wish->is_prefix))
    return status;
  // It has the claim, but of a row that it does not see as it is: it must be moved to the trunk first.
  claims_make_ready(claims, &session->claimant);
  return STATUS_WAIT;
}

static int on_claim(void *context, const struct claim_wish *wish, struct error *error)
{
  struct session *session = context;
  if (transaction_in_branch(session))
    return claim_for_branch(session, wish, error);
  session->claimant.age = ++session->partition->ages;
  // A one-shot is over before anybody else comes: it must only find free what it asks for.
  struct claim_request request = {
    .tag = {CLAIM_ON_ROW, wish->tree, wish->key}, .mode = wish->mode, .wait = wish->wait, .is_one_shot = true};
  return claim_take(&session->partition->claims, &session->claimant, &request, error);
}

static bool claims_shown(void *context, struct claim_wish *wish, struct bytes row)
{
  struct session *session = context;
  bool may_more = session->claimant.hold_count < EAGER_CLAIMS;
  if ((session->is_eager && may_more) || branch_has_changed(session->branch, wish->tree, wish->key, row))
    return true;
  wish->is_soft = may_more && takes_soft_claims(session) &&
                  heat_find(&session->partition->trunk.heat, wish->tree, wish->key, &wish->mode);
  return wish->is_soft;
}

const struct claimer *waiting_claimer(struct session *session)
{
  bool is_branch = transaction_in_branch(session);
  if (!is_branch && !session->partition->claims.map.count)
    return NULL;
  session->claimer = (struct claimer){
    .context = session,
    .claim = on_claim,
    .claims_shown = claims_shown,
    .may_claim_shown = is_branch && session->branch &&
                       (session->is_eager || branch_has_changes(session->branch) || takes_soft_claims(session)),
    .claims_absent = session->is_eager && session->claimant.hold_count < EAGER_CLAIMS,
    .is_branch = is_branch,
  };
  return &session->claimer;
}

// --- Soft claims ------------------------------------------------------------------------------------------------

static void set_patience(struct session *session)
{
  struct partition *partition = session->partition;
  if (claim_waits_softly(&session->claimant))
    (void)!timer_set(&partition->timers, &session->patience_timer, partition->time.monotonic + LIMIT_SOFT_HOLD_MS * 1000);
}

static void begin_patience(struct session *session)
{
  struct partition *partition = session->partition;
  struct claim_tag tag;
  session->waits_since = partition->time.monotonic;
  set_patience(session);
  if (session->patience_timer.place && claim_awaited(&session->claimant, &tag))
    heat_renew(&partition->trunk.heat, tag.tree, tag.key);
}

static void patience_timer_expires(struct timer *timer)
{
  struct session *session = (struct session *)((char *)timer - offsetof(struct session, patience_timer));
  struct partition *partition = session->partition;
  if (!session->waiting)
    return;
  bool gives_up = partition->time.monotonic - session->waits_since >= LIMIT_SOFT_WAIT_MS * 1000;
  claim_lose_patience(&partition->claims, &session->claimant, gives_up);
  set_patience(session);
}

enum { WAKES = 1000 }; // between two frames; others are to have their turn, whatever those who wait do to each other

// --- Waiting ----------------------------------------------------------------------------------------------------

int waiting_begin(struct session *session, enum waiting waiting)
{
  CHECK(!session->waiting);
  session->waiting = waiting;
  struct partition *partition = session->partition;
  int64_t timeout_ms = settings_number(&session->settings, "lock_timeout");
  sleeping_restart(session, waiting == WAITING_GROUP);
  if (session->job || session->sleep.is_asleep) // it waits for nobody's claims
    timer_clear(&partition->timers, &session->lock_timer);
  else if (timeout_ms && !session->lock_timer.place) // a one-shot that waits again has waited before
    (void)!timer_set(&partition->timers, &session->lock_timer, partition->time.monotonic + timeout_ms * 1000);
  begin_patience(session);
  if (waiting != WAITING_GROUP)
    return RUN_WAIT;
  advisory_undo_group(session);
  if (session->has_atom)
    atom_abort(&partition->trunk);
  session->has_atom = false;
  session->input_at = session->group_start;
  partition->replies.size = session->group_replies;
  buffer_clear(&session->held);
  session->transaction_now = 0;
  parse_close(session->simple);
  session->simple = NULL;
  return RUN_WAIT;
}

static void go_on(struct session *session, enum waiting waiting)
{
  if (waiting == WAITING_GROUP)
    session->starts_again = !session->is_extended;
  else if (!session->is_extended)
    session_resume_simple(session, waiting);
  session_process(session);
}

void waiting_fail(struct session *session, const struct error *error)
{
  enum waiting waiting = session->waiting;
  session->waiting = WAITING_NOT;
  timer_clear(&session->partition->timers, &session->lock_timer);
  claim_cancel(&session->partition->claims, &session->claimant);
  if (waiting == WAITING_GROUP && !session->is_extended) { // its Query is not looked at again
    struct message message;
    struct error ignored;
    CHECK(message_next(buffer_bytes(&session->input), &session->input_at, &message, &ignored) > 0);
  }
  if (error->status == STATUS_RETRY && strcmp(error->sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE) != 0)
    transaction_was_unlucky(session);
  if (waiting == WAITING_COMMIT)
    transaction_give_up(session);
  session_fail(session, error);
  if (!session->is_extended)
    session_end_simple(session);
}

// The claim is granted, or what was met is gone.
static void resume(struct session *session)
{
  struct error error;
  error_clear(&error);
  enum waiting waiting = session->waiting;
  int status = session->claimant.is_victim ? claim_deadlock(&error) : 0;
  session->is_hasty |= session->claimant.has_given_up;
  session->claimant.has_given_up = false;
  if (!status && waiting == WAITING_STATEMENT && round_begin(session)) {
    timer_clear(&session->partition->timers, &session->lock_timer);
    return;
  }
  if (!status && waiting == WAITING_STATEMENT)
    status = transaction_move(session, &error);
  if (status && batch_starts_again(session, &error)) {
    session->waiting = WAITING_NOT;
    timer_clear(&session->partition->timers, &session->lock_timer);
    session_process(session);
    return;
  }
  if (status) {
    waiting_fail(session, &error);
    session_process(session);
    return;
  }
  session->waiting = WAITING_NOT;
  go_on(session, waiting);
  if (!session->waiting)
    timer_clear(&session->partition->timers, &session->lock_timer);
}

void waiting_interrupt(struct session *session, const struct error *error)
{
  struct partition *partition = session->partition;
  size_t begin = partition->replies.size;
  session->group_replies = begin;
  waiting_fail(session, error);
  session_process(session);
  output_replies(partition, session, begin);
}

static void lock_timer_expires(struct timer *timer)
{
  struct session *session = (struct session *)((char *)timer - offsetof(struct session, lock_timer));
  struct error error;
  int status = error_set(&error, SQLSTATE_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
  (void)status;
  if (session->waiting)
    waiting_interrupt(session, &error);
}

void waiting_init(struct session *session)
{
  session->claimant.owner = session;
  sleeping_init(session);
  session->lock_timer.expire = lock_timer_expires;
  session->patience_timer.expire = patience_timer_expires;
}

void waiting_wake(struct partition *partition)
{
  struct claimant *claimant;
  for (int i = 0; i < WAKES && (claimant = claims_next_ready(&partition->claims)); i++) {
    if (claimant->is_source) {
      source_resume(claimant->owner);
      continue;
    }
    struct session *session = claimant->owner;
    size_t begin = partition->replies.size;
    session->group_replies = begin;
    resume(session);
    output_replies(partition, session, begin);
  }
}
