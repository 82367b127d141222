// A backup: a data directory of its own, with a checkpoint and no log. Who opens it begins a new log behind the checkpoint.
#pragma once

#include "host/journal.h"
#include "log/checkpoint.h"

// Any thread. Writes the snapshot, which stays pinned, to a directory that is made, or is empty. stops: asked now and then
// whether to give up (57014); NULL: never. 58P02: the directory is used. Whatever was begun is removed.
int backup_write(const struct version *snapshot, uint64_t position, const char *directory, bool (*stops)(void *context),
                 void *context, struct error *error);

// One backup at a time for a session, on a thread of its own.
//
//           backup_ask: STATUS_WAIT               backup_ended                 backup_ask: 0, or why not
//   (idle) -------------------------> writing ------------------> ended -----------------------------------> (idle)
struct backup;
struct backup_place {
  struct version *trunk;
  uint64_t position;
  struct journal *journal; // NULL: there is none
  struct wake *wake;
  const char *folder;      // of all backups; NULL: none is allowed
};

int backup_open(struct backup **backup, struct error *error);
void backup_close(struct backup *backup); // stops what is under way
// The session's: begins it, or says how it ended, and with which position. 55006: another session's is under way.
// 42501, 22023 for the name.
int backup_ask(struct backup *backup, const struct backup_place *place, uint32_t session, const char *name,
               uint64_t *position, struct error *error);
// True once when one has ended: *session is to ask again.
bool backup_ended(struct backup *backup, uint32_t *session);
