// What a statement tells whoever keeps claims (txn/claim.h) while it runs: the rows, keys and absent keys on which its
// reply relies. The rooms between the claims and the executor know no more of them than this.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "store/store.h"

// The modes of PostgreSQL's row locks, then those of its table locks; which go together: claim.c.
enum claim_mode {
  CLAIM_KEY_SHARE,
  CLAIM_SHARE,
  CLAIM_NO_KEY_UPDATE,
  CLAIM_UPDATE,
  CLAIM_TABLE_ACCESS_SHARE,
  CLAIM_TABLE_ROW_SHARE,
  CLAIM_TABLE_ROW_EXCLUSIVE,
  CLAIM_TABLE_SHARE_UPDATE_EXCLUSIVE,
  CLAIM_TABLE_SHARE,
  CLAIM_TABLE_SHARE_ROW_EXCLUSIVE,
  CLAIM_TABLE_EXCLUSIVE,
  CLAIM_TABLE_ACCESS_EXCLUSIVE,
  CLAIM_MODES
};

enum claim_wait { CLAIM_OR_WAIT, CLAIM_OR_SKIP, CLAIM_OR_FAIL }; // FOR UPDATE; … SKIP LOCKED; … NOWAIT

enum { CLAIM_SKIPPED = 1, CLAIM_REFUSED = 2 };

struct claim_wish {
  tree_number tree;  // a primary tree, or a unique index's
  struct bytes key;  // of a row, there or not; in a unique index the bytes of its declared columns
  bool is_prefix;    // it is the latter
  bool is_asked;     // FOR UPDATE and the like: otherwise the statement's reply relies on it without saying so
  bool is_soft;      // others wait for it only so long
  enum claim_mode mode;
  enum claim_wait wait;
};

struct claimer {
  void *context;
  // 0: claimed. CLAIM_SKIPPED, CLAIM_REFUSED: somebody else's, as `wait` has it. STATUS_WAIT: the statement is to stop,
  // and to run again later.
  int (*claim)(void *context, const struct claim_wish *wish, struct error *error);
  // Is the row, which is in the transaction's version, one that it claims when it shows it? The wish names the row; how
  // it is claimed is added.
  bool (*claims_shown)(void *context, struct claim_wish *wish, struct bytes row);
  bool may_claim_shown; // otherwise never
  bool claims_absent;   // a key that is looked for and is not there, too
  bool is_branch;       // otherwise only what is asked for matters
};

static inline int claimer_claim(const struct claimer *claimer, tree_number tree, struct bytes key, enum claim_mode mode,
                                struct error *error)
{
  struct claim_wish wish = {.tree = tree, .key = key, .mode = mode};
  return claimer && claimer->is_branch ? claimer->claim(claimer->context, &wish, error) : 0;
}
