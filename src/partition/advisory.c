// Advisory locks: claims on numbers of the client's own, for the session or for the transaction.
//
// 1. They are once: a script's second run takes and gives nothing, and answers what the first one did.
// 2. A session's lock that had to be waited for is granted as the transaction's, and becomes the session's when the
//    statement runs again (txn/claim.c). So a wait that comes to nothing leaves nothing behind.
// 3. A one-shot that is undone and tried again gives back what it took for the session.
#include "base/sqlstate.h"
#include "partition/state.h"

enum { NUMBER_KEY = 9 }; // bytes: one number or two, then the number

struct advisory {
  const char *name;
  enum { ADVISORY_LOCK, ADVISORY_TRY, ADVISORY_UNLOCK, ADVISORY_UNLOCK_ALL } action;
  bool is_session, is_shared;
};

static const struct advisory advisories[] = {
  {"pg_advisory_lock", ADVISORY_LOCK, true, false},
  {"pg_advisory_lock_shared", ADVISORY_LOCK, true, true},
  {"pg_advisory_xact_lock", ADVISORY_LOCK, false, false},
  {"pg_advisory_xact_lock_shared", ADVISORY_LOCK, false, true},
  {"pg_try_advisory_lock", ADVISORY_TRY, true, false},
  {"pg_try_advisory_lock_shared", ADVISORY_TRY, true, true},
  {"pg_try_advisory_xact_lock", ADVISORY_TRY, false, false},
  {"pg_try_advisory_xact_lock_shared", ADVISORY_TRY, false, true},
  {"pg_advisory_unlock", ADVISORY_UNLOCK, true, false},
  {"pg_advisory_unlock_shared", ADVISORY_UNLOCK, true, true},
  {"pg_advisory_unlock_all", ADVISORY_UNLOCK_ALL, true, false},
};

static void encode_number(const struct value *arguments, int argument_count, uint8_t key[NUMBER_KEY])
{
  key[0] = (uint8_t)argument_count;
  uint64_t number = argument_count == 1
                      ? (uint64_t)arguments[0].integer
                      : (uint64_t)(uint32_t)arguments[0].integer << 32 | (uint32_t)arguments[1].integer;
  put_be64(key + 1, number);
}

static int take(struct session *session, const struct advisory *advisory, struct claim_request *request, struct error *error)
{
  struct claims *claims = &session->partition->claims;
  bool in_branch = transaction_in_branch(session);
  if (!in_branch && !session->claimant.hold_count)
    session->claimant.age = ++session->partition->ages;
  int status = claim_take(claims, &session->claimant, request, error);
  if (status == CLAIM_REFUSED)
    return status;
  if (!status && in_branch && version_is_behind(branch_version(session->branch))) {
    // Whoever has the lock must see what was done under it before: the branch moves, and the statement runs again.
    claim_give(claims, &session->claimant, request);
    claims_make_ready(claims, &session->claimant);
    return STATUS_WAIT;
  }
  if (status || session->transaction == TRANSACTION_OPEN || !request->is_session)
    return status;
  buffer_append_u8(&session->group_locks, (uint8_t)request->mode);
  buffer_append_bytes(&session->group_locks, request->tag.key);
  if (!session->group_locks.failed)
    return 0;
  session->group_locks.failed = false;
  claim_give(claims, &session->claimant, request);
  return error_memory(error);
}

void advisory_undo_group(struct session *session)
{
  const struct buffer *locks = &session->group_locks;
  for (size_t at = 0; at < locks->size; at += 1 + NUMBER_KEY) {
    struct claim_request request = {
      .tag = {.kind = CLAIM_ON_NUMBER, .key = bytes_of(locks->data + at + 1, NUMBER_KEY)},
      .mode = (enum claim_mode)locks->data[at],
      .is_session = true,
    };
    claim_give(&session->partition->claims, &session->claimant, &request);
  }
  buffer_clear(&session->group_locks);
}

static int unlock(struct session *session, const struct claim_request *request)
{
  if (claim_give(&session->partition->claims, &session->claimant, request))
    return 1;
  transaction_warn(session, SQLSTATE_WARNING,
                   request->mode == CLAIM_SHARE ? "you don't own a lock of type ShareLock"
                                                : "you don't own a lock of type ExclusiveLock");
  return 0;
}

// *answer: of those functions that give one.
static int run(struct session *session, const struct advisory *advisory, const struct value *arguments, int argument_count,
               int64_t *answer, struct error *error)
{
  uint8_t key[NUMBER_KEY];
  encode_number(arguments, argument_count, key);
  struct claim_request request = {
    .tag = {.kind = CLAIM_ON_NUMBER, .key = bytes_of(key, sizeof key)},
    .mode = advisory->is_shared ? CLAIM_SHARE : CLAIM_UPDATE,
    .wait = advisory->action == ADVISORY_TRY ? CLAIM_OR_FAIL : CLAIM_OR_WAIT,
    .is_session = advisory->is_session,
  };
  switch (advisory->action) {
  case ADVISORY_UNLOCK: *answer = unlock(session, &request); return 0;
  case ADVISORY_UNLOCK_ALL: claims_give_numbers(&session->partition->claims, &session->claimant); return 0;
  default: break;
  }
  int status = take(session, advisory, &request, error);
  *answer = status == 0;
  return status == CLAIM_REFUSED ? 0 : status;
}

bool advisory_function(struct evaluation *evaluation, const char *name, const struct value *arguments, int argument_count,
                       struct value *result, int *status)
{
  const struct advisory *advisory = advisories, *end = advisories + sizeof advisories / sizeof *advisories;
  while (advisory < end && strcmp(advisory->name, name) != 0)
    advisory++;
  if (advisory == end)
    return false;
  struct run_context *context = evaluation->context;
  bool answers = advisory->action == ADVISORY_TRY || advisory->action == ADVISORY_UNLOCK;
  int64_t answer = 0;
  *status = 0;
  if (!context->session)
    *status = error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s can only be called in a session", name);
  else if (!context->is_again)
    *status = run(context->session, advisory, arguments, argument_count, &answer, evaluation->error);
  if (!*status && answers && context->is_again)
    context->numbers->again(context->numbers->context, NUMBER_ANSWER, &answer);
  else if (!*status && answers && context->numbers)
    *status = context->numbers->keep(context->numbers->context, NUMBER_ANSWER, answer, evaluation->error);
  *result = answers ? value_boolean(answer) : value_bytes((const uint8_t *)"", 0);
  return true;
}
