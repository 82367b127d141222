// A few threads that run the partition's jobs.
#pragma once

#include "base/error.h"
#include "os/wake.h"

struct workers;
struct job;

// wake is borrowed and signalled when a job is done.
int workers_open(unsigned count, struct wake *wake, struct workers **workers, struct error *error);
// No job may be out.
void workers_close(struct workers *workers);
// Loop thread. session comes back with the job. 53200.
int workers_give(struct workers *workers, struct job *job, uint32_t session, struct error *error);
// Loop thread. A job that is done; NULL: none.
struct job *workers_take(struct workers *workers, uint32_t *session);
// Jobs given and not taken.
unsigned workers_busy(const struct workers *workers);
