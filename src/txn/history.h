// Who changed what lately, while transactions are open that may have to be told why they failed.
//
// 1. It keeps the newest HISTORY_SIZE changes of rows, by a hash of tree and key. What is older is not known.
#pragma once

#include "table/change.h"

enum { HISTORY_SIZE = 16 * 1024 };

struct author {
  bool is_source;
  uint32_t id; // a session's, or a source's oid
};

struct history {
  struct history_entry *ring; // NULL: nothing was noted yet, or there was no memory
  uint64_t noted;
};

void history_deinit(struct history *history);
void history_note(struct history *history, const struct change_list *changes, struct author author);
// Who changed the row last. False: it is not known.
bool history_find(const struct history *history, tree_number tree, struct bytes key, struct author *author);
