// Rows on which transactions failed lately: what they were shown of them had changed by their COMMIT. Such a row is worth a
// soft claim (txn/claim.h) when a transaction reads it.
//
// 1. A row is hot for HEAT_US after a transaction failed on it, or waited for a soft claim on it.
// 2. It keeps HEAT_SIZE rows at most, by a hash of tree and key; a newer one takes an older one's place. A row may be
//    taken for another one's heat: it is claimed for nothing then.
#pragma once

#include "table/claimer.h"

enum { HEAT_SIZE = 8192, HEAT_US = 10 * 1000 * 1000 };

struct heat {
  struct heat_entry *entries; // NULL: nothing was noted yet, or there was no memory
  int64_t now;                // microseconds; its owner keeps it
  int64_t last;               // when the last of them has cooled down
};

void heat_deinit(struct heat *heat);
// has_changed: the transaction that failed had changed the row, too. So one at a time is to read it.
void heat_note(struct heat *heat, tree_number tree, struct bytes key, bool has_changed);
// It is still worth it, if it was.
void heat_renew(struct heat *heat, tree_number tree, struct bytes key);
// *mode: in which to claim it.
bool heat_find(const struct heat *heat, tree_number tree, struct bytes key, enum claim_mode *mode);

static inline bool heat_any(const struct heat *heat)
{
  return heat->last > heat->now;
}
