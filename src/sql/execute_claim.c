// FOR UPDATE, FOR SHARE and the like: rows are claimed on their way out, or left out where others have claimed them.
#include "sql/iterator.h"

struct claim_rows {
  struct iterator op;
  bool found_any;
};

static int claim_refused(struct execution *execution, const struct relation *relation)
{
  return error_set(execution->evaluation.error, SQLSTATE_LOCK_NOT_AVAILABLE,
                   "could not obtain lock on row in relation \"%s\"", relation->name);
}

// 0: claimed. CLAIM_SKIPPED.
static int claim_row(struct execution *execution, const struct row_lock *lock, struct bytes key)
{
  const struct relation *relation = execution->plan->statement->ranges[lock->range].relation;
  const struct claimer *claimer = execution->input.claimer;
  struct claim_wish wish = {
      .tree = relation->tree, .key = key, .is_asked = true, .mode = lock->mode, .wait = lock->wait};
  int status = claimer ? claimer->claim(claimer->context, &wish, execution->evaluation.error) : 0;
  return status == CLAIM_REFUSED ? claim_refused(execution, relation) : status;
}

// A key that was looked for and is not there may be relied on, too.
static int claim_absent(struct claim_rows *claim)
{
  struct execution *execution = claim->op.execution;
  const struct plan_scan *point = claim->op.node->claim.point;
  const struct row_lock *lock = &claim->op.node->claim.locks[0];
  if (claim->found_any || !point || lock->wait == CLAIM_OR_SKIP || lock->mode < CLAIM_NO_KEY_UPDATE)
    return 0;
  claim->found_any = true;
  bool none;
  struct buffer key = {0};
  int status = scan_point_key(execution, point, &key, &none);
  if (!status && !none)
    status = claim_row(execution, lock, buffer_bytes(&key));
  buffer_deinit(&key);
  return status;
}

// All rows of which this one is made. 0: claimed. CLAIM_SKIPPED: it is left out.
static int claim_all(struct iterator *op)
{
  const struct plan_node *node = op->node;
  int status = 0;
  for (int i = 0; !status && i < node->claim.lock_count; i++) {
    const struct row_lock *lock = &node->claim.locks[i];
    const struct value *key = &op->row[lock->target];
    if (!key->is_null)
      status = claim_row(op->execution, lock, bytes_of(key->data, key->size));
  }
  return status;
}

static int claim_next(struct iterator *op)
{
  struct claim_rows *claim = (struct claim_rows *)op;
  int status;
  do {
    status = op->left->next(op->left);
    if (status != 1)
      return status ? status : claim_absent(claim);
    claim->found_any = true;
    op->row = op->left->row;
    status = claim_all(op);
  } while (status == CLAIM_SKIPPED);
  return status ? status : 1;
}

static int claim_rewind(struct iterator *op)
{
  ((struct claim_rows *)op)->found_any = false;
  return op->left->rewind(op->left);
}

bool claim_open(struct iterator **op, struct execution *execution)
{
  struct claim_rows *claim = ARENA_NEW(&execution->memory, struct claim_rows);
  if (!claim)
    return false;
  claim->op.rewind = claim_rewind;
  claim->op.next = claim_next;
  *op = &claim->op;
  return true;
}
