// A job from inside: what job.c shares with those who make jobs of other kinds (long.c). Not for others.
#pragma once

#include "base/flag.h"
#include "partition/state.h"
#include "txn/beside.h"

struct job {
  struct session *session;
  struct portal *portal;
  struct prepared *prepared;
  struct version *snapshot;     // owned; NULL: the session's branch
  struct memory_account account;
  struct arena arena;
  struct execution *execution;
  struct execution_input input;
  struct run run;
  struct settings settings;     // a copy: the session's may change
  struct row_writer writer;
  struct read_mark mark;
  struct read_set reads; // of a branch
  struct buffer out;
  struct promise promise;
  bool wants_promise, is_started, is_ended;
  bool is_round; // nobody sees the rows
  struct beside *beside; // of a long change (long.c); NULL: a read
  const struct relation *relation; // of whose rows `ahead` is made, pinned; NULL: an INSERT, UPDATE or DELETE
  struct ahead ahead;
  bool is_apart;         // it treats each row by itself
  int rounds, runs;      // in which it has followed the trunk; in which it has begun again
  uint64_t last_followed;
  bool is_cancelled; // by flag_set
  uint64_t random;
  int status;
  struct error error;
  struct error interruption; // why it is cancelled; none: as the error says
};

// A job without its version, input and rows' form. NULL: out of memory.
struct job *job_new(struct session *session, struct prepared *prepared, const struct settings *settings);
int job_emit(struct job *job, struct error *error); // sends it out
