// Batches without BEGIN that run as branches, because they read at length or are larger than what waits for its Sync.
//
//             group_restart, a part without end        Sync: committed
//   one-shot --------------------------------> held --------------------------------> told
//      ^                                         |  Flush, COPY FROM, COMMIT, LIMIT_GROUP of replies
//      |                                         +------------------------------------> told as it goes
//      |  40001, 40P01                           |
//      +-----------------------------------------+  is_whole: from the start, on the loop, to its end
//
// 1. As long as nothing of a batch has been told, nothing has been promised: instead of failing for what others changed
//    it is undone and runs again as a one-shot, which cannot fail so.
// 2. While replies are held, what partition->replies has of the group begins at group_replies.
#include <string.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "partition/state.h"

void batch_tell(struct session *session)
{
  struct buffer *replies = &session->partition->replies;
  session->holds_replies = false;
  if (!session->held.size)
    return;
  buffer_append(&session->held, replies->data + session->group_replies, replies->size - session->group_replies);
  replies->size = session->group_replies;
  buffer_append_bytes(replies, buffer_bytes(&session->held));
  replies->failed |= session->held.failed;
  buffer_deinit(&session->held);
}

void batch_hold(struct session *session)
{
  struct buffer *replies = &session->partition->replies;
  if (!session->holds_replies)
    return;
  size_t size = replies->size - session->group_replies;
  if (session->is_broken || session->held.size + size > LIMIT_GROUP) {
    batch_tell(session);
    return;
  }
  buffer_append(&session->held, replies->data + session->group_replies, size);
  if (session->held.failed)
    session->is_broken = replies->failed = true;
  replies->size = session->group_replies;
}

void batch_start_over(struct session *session)
{
  transaction_abort(session);
  session_forget_portals(session, PORTALS_ABORT);
  advisory_undo_group(session);
  session_end_settings(session, false);
  parse_close(session->simple);
  session->simple = NULL;
  buffer_deinit(&session->held);
  session->partition->replies.size = session->group_replies;
  session->input_at = session->group_start;
  session->transaction_now = 0;
  session->as_branch = session->holds_replies = session->is_lost = session->has_queried = false;
  session->keeps_age = session->is_eager = false;
  session->is_whole = true;
  session->starts_again = !session->is_extended;
}

bool batch_starts_again(struct session *session, const struct error *error)
{
  bool is_for_others = strcmp(error->sqlstate, SQLSTATE_SERIALIZATION_FAILURE) == 0 ||
                       strcmp(error->sqlstate, SQLSTATE_DEADLOCK_DETECTED) == 0;
  if (!session->holds_replies || session->has_failed || !is_for_others)
    return false;
  batch_start_over(session);
  return true;
}
