// Temporary relations: in a schema of one session.
#pragma once

#include "table/write.h"

// Makes the schema if it is not there.
int temporary_open(struct writer *writer, uint32_t schema_oid);
// All that is in the schema goes, and it itself; those of all sessions.
int temporary_drop(struct writer *writer, uint32_t schema_oid);
int temporary_drop_all(struct writer *writer);
// What ON COMMIT says of each table. 53200 where what stays takes more than `limit` bytes (0: no bound).
int temporary_at_commit(struct writer *writer, uint32_t schema_oid, uint64_t limit);
