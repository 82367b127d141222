// What the files of partition/ share: the partition's and the sessions' state. Not for others.
//
// A session's life:
//
//              request                      read beyond its allowance             job's end
//   (ready) ------------> running a group -----------------------------> busy -----------------> running
//      ^                    |      |  COPY FROM STDIN
//      |  Sync, end of      |      +----------------> copying -- CopyDone, CopyFail --> running
//      +--------------------+
//                           |  somebody else's claim                       granted, the branch moved to the trunk
//                           +----------------------> waiting ---------------------------------------> running
//
// A *group* is what runs as one transaction unless BEGIN says otherwise: the messages up to a Sync, or the statements
// of one Query. Whole at hand, it is one-shot: its changes go to the trunk as one atom. Otherwise (a Flush, a COPY, a
// long read with more to come) it is a branch, just like what BEGIN opens.
#pragma once

#include "flow/flow.h"
#include "partition/message.h"
#include "partition/partition.h"
#include "partition/timer.h"
#include "sql/prepared.h"
#include "store/read_set.h"
#include "sql/system.h"
#include "table/temporary.h"
#include "table/user_type.h"
#include "txn/branch.h"
#include "txn/claim.h"

enum transaction_state {
  TRANSACTION_NONE,   // each group by itself
  TRANSACTION_OPEN,   // after BEGIN
  TRANSACTION_FAILED, // after an error in one: only its end is accepted
};

// What a session does again when it need not wait for a claim any more.
enum waiting {
  WAITING_NOT,
  WAITING_STATEMENT, // of its branch
  WAITING_COMMIT,    // the statement COMMIT
  WAITING_END,       // the end of a group that is a branch
  WAITING_GROUP,     // a one-shot, which was undone: from its first byte
};

struct savepoint {
  char name[LIMIT_IDENTIFIER + 1];
  struct atom_mark mark;
  uint64_t portals;          // opened so far in the session
  struct settings *settings; // two, owned: as they are, and as a COMMIT leaves them. NULL: those of the one before it
  int noted;                 // place in the list of the one whose settings these are
};
struct savepoints {
  struct savepoint *list;
  int count, capacity;
  struct memory_account *account;
};

// A statement that the client named (or not), by Parse or PREPARE.
struct named_statement {
  struct prepared *prepared;
  struct type *parameters; // as the client gave them, for making it anew when definitions have changed
  int parameter_count;
  uint64_t group;          // in which it was made
  int64_t created_at;
  struct prepared *source; // the PREPARE; NULL: Parse made it
  bool may_change;         // its columns may
};

struct portal {
  struct prepared *prepared; // NULL: the unnamed portal does not exist
  struct arena arena;        // of parameters and formats
  struct value *parameters;
  struct type *parameter_types; // of a stripped text's literals; else the statement's
  int parameter_count;
  bool literals;             // the text is a stripped one
  bool *formats;             // for each result column: binary? NULL: all text
  int format_count;
  // A portal that gives its rows in pieces, or a cursor: the whole result, made when it was opened.
  bool is_kept;
  struct sql_cursor *cursor;     // cursor.c; NULL: it was not declared by SQL
  struct buffer rows;        // DataRow messages
  size_t rows_at;
  bool is_done;
  uint64_t group;
  uint64_t number;           // in the order of opening
};

struct session {
  struct partition *partition;
  uint32_t id;
  int32_t secret;
  struct settings settings;
  struct catalog_types types; // session_format's
  struct settings settings_at_login;                 // what RESET gives
  struct settings settings_at_begin, settings_after; // setting.c
  bool has_noted_settings;
  uint64_t random; // state, where setseed was called
  bool is_seeded;
  uint64_t path_definitions; // the definitions in which the search path was looked up; 0: none
  struct settings script_begin, script_settings; // with which the branch's script begins, and at its end (script.c)
  struct memory_account account, rows_account; // the latter: rows that portals and cursors keep, all together

  struct buffer input; // messages that wait
  size_t input_at;
  bool is_broken;      // its bytes cannot be understood any more
  bool is_closing;     // gone as soon as its job is back
  bool is_held;
  bool rests;          // until FRAME_NEXT
  bool is_ended;       // FRAME_END was sent

  // The running group
  bool in_group;
  bool is_extended;      // messages; otherwise a Query
  bool starts_again;     // a Query that was undone: its group has begun
  bool as_branch;        // runs in `branch` though nobody said BEGIN
  bool holds_replies;    // they wait in `held` for its end (batch.c)
  bool is_whole;         // it has failed as a branch for others' changes, and runs in one piece
  bool has_failed;       // skip to the Sync
  bool has_atom;         // the trunk's atom is this group's
  uint64_t group;        // number, grows
  size_t ready_until;    // in input: up to here the messages stand together
  size_t group_start;    // in input: where it can start again
  size_t group_replies;  // in partition->replies: what it has answered since
  struct buffer held;
  bool job_ended;        // and the group goes on
  bool job_waits;        // for the client to take what it has: FRAME_RELEASE sends the job on
  uint64_t depends;      // log position on which its replies depend
  struct parse *simple;  // statements of the running Query; NULL: none or a single one
  int simple_next;
  struct bytes simple_text;

  enum waiting waiting;
  struct claimant claimant;
  struct claimer claimer;
  struct buffer group_locks; // advisory locks that the running one-shot took for the session (advisory.c)
  struct sleep {
    struct timer timer;
    int64_t slept, granted, granted_before; // microseconds (sleeping.c)
    int64_t began, slept_before;            // of the sleep that lasts
    bool is_asleep;
  } sleep;
  struct timer lock_timer, patience_timer, statement_timer, idle_timer, signal_timer;
  enum session_signal { SIGNAL_NONE, SIGNAL_CANCEL, SIGNAL_TERMINATE } signal; // of another session's
  int64_t waits_since; // monotonic
  bool is_eager; // its last transaction failed for others' changes: this one claims what it reads
  bool keeps_age;
  int rounds;    // that its script has had since it began to wait for its COMMIT, or its move
  bool is_hasty; // it has waited enough for soft claims, and takes none any more
  bool failure_recorded; // the failed statement is a step of the script
  bool has_queried;      // the transaction has run something: its characteristics stand
  bool is_lost;          // its branch is gone: savepoints cannot bring it back
  bool is_checked; // what was deferred was found to hold, and the script has the step

  enum transaction_state transaction;
  struct branch *branch;
  struct memory_account branch_account;
  struct savepoints savepoints;
  uint64_t portal_count; // opened so far
  uint64_t branch_base;  // position of the trunk that it, or the running job's snapshot, was made from
  bool is_outdated;      // its snapshot was taken from it; not yet told
  int64_t transaction_now; // 0: to be taken at the next statement
  int64_t statement_now;
  int64_t opened_at, changed_at; // wall: when it began, and when it was last left or taken up
  char query[1024];              // what it runs or ran last, cut

  struct map statements; // name -> named_statement; the unnamed one too
  uint64_t names;        // counts changes of them
  struct map portals;
  struct portal unnamed;
  struct portal *running; // whose job runs

  struct job *job;
  struct copying *copying; // COPY FROM STDIN under way

  struct {
    uint32_t oid;
    int64_t value;
  } *seen;              // of each sequence that it drew from: the last number, for currval
  int seen_count, seen_capacity;
  uint32_t last_seen;   // the sequence of lastval; 0: none
  bool shows_numbers;   // its replies depend on what the log knows of sequences
  struct numbers numbers; // what its branch draws is kept for the next run

  struct map channels;     // that it listens on
  struct buffer notices;   // messages of notifications that wait until it is at rest
  uint64_t notices_depend; // log position on which they do
  const char *missed;      // why some of them are gone, and the conversation must end; NULL: none is

  struct arena scratch; // of one message or statement
  struct read_set reads; // of the running statement of a branch
  struct buffer kept;   // entries of the running statement of a branch (script.c)
};

// Where a sink's delivery is. All sinks have one, those that are paused too.
struct open_sink {
  uint32_t oid;
  uint64_t stamp;
  uint64_t opening;    // 0: it is paused, or has failed: it is opened again when its definition changes
  bool is_ready;       // open, and nothing is under way
  bool is_full;        // its outbox: the sources that feed it are held
  bool has_failed, is_waiting;
  uint64_t looked_at;  // position of the trunk when its outbox was last found empty
  struct outbox_batch batch; // under way
  char trouble[512];   // the last one; empty: none since it last delivered
};

// What a connector reads for us.
struct open_source {
  struct partition *partition;
  uint32_t oid;
  uint64_t stamp;
  uint64_t opening; // 0: it has failed, and is opened again when its definition changes
  // Batches that wait for others' claims. The times are monotonic, in microseconds.
  struct held_batch *first, *last;
  size_t held_bytes;
  struct claimant claimant;
  struct timer patience;
  int64_t met_at;      // when the first of them met a claim; 0: it has not
  int64_t rests_until; // before that it does not wait again
  bool is_held;        // a sink that it feeds is full
  bool goes_on;        // … and was, until now
};

struct partition {
  struct partition_options options;
  struct memory_account account;
  struct store *store;
  struct catalog *catalog;
  struct trunk trunk;
  struct claims claims;
  struct timers timers;
  uint64_t ages;         // of claimants, so far
  struct flow *flow;
  struct writer atom_writer; // of the running atom
  struct prepared_cache cache;
  struct map sessions; // id -> session
  struct map channels; // that sessions listen on -> listeners (listening.c)
  size_t noticed;      // sessions for which notifications wait
  size_t notice_bytes; // of these
  struct stripped stripped;

  struct step_time time;
  uint64_t random;       // state; drawn once for each statement
  int64_t began;         // the wall time of its first step; 0: there was none
  uint64_t promise_seed;
  uint64_t definitions;  // for which sources were last opened and closed
  uint64_t definitions_position; // of the newest atom that changed them, or a later one
  bool has_old_definitions; // the catalog's cache is to be cleared of them
  struct map sources;    // oid -> open_source
  struct map sinks;      // oid -> open_sink
  bool has_let_go;       // some source goes on
  uint64_t openings;     // of sources and sinks, so far
  struct error failure;  // of what was done between two frames: the partition is lost
  bool is_full;          // the log cannot take more
  bool is_pinned;        // by a checkpoint, at this position
  uint64_t pinned_position;

  // Output of the running step
  struct buffer replies;
  struct frame *frames;
  int frame_count, frame_capacity;
  struct buffer changes; // handed out by the last step
  struct arena output_arena; // positions of opened sources

  struct {
    uint64_t statements, errors, groups, branches, jobs, source_rows, source_atoms;
    uint64_t long_changes, long_attached, long_rounds, long_on_loop;
  } counts;
};

// What the hooks of a running expression find behind evaluation->context. Begins as sql/system.h asks.
struct run_context {
  struct system_context *system;
  struct partition *partition;
  uint64_t random;
  struct session *session;       // NULL: a workflow's
  struct writer *writer;         // of what runs; NULL: it only reads
  size_t said_from;              // mark of its change list when it began
  const struct numbers *numbers; // NULL: nothing is kept
  bool has_slept;                // the statement has called pg_sleep
  bool is_again;                 // a script's second run: what is once is not done again
};

// Everything that a run of statements needs around it, for one session (or none: workflows).
struct run {
  struct run_context context;
  struct system_context system;
  struct evaluation evaluation; // for checks and defaults in the write path
};
uint64_t session_random(struct session *session); // what a statement of it begins to draw with
void run_init(struct run *run, struct partition *partition, const struct settings *settings, const struct version *version,
              struct arena *arena, int64_t now, int64_t statement_now, uint64_t random, struct error *error);
extern const struct evaluation_hooks run_hooks;
uint64_t random_next(uint64_t *state);

// --- partition.c
struct frame *output_frame(struct partition *partition, enum frame_kind kind); // NULL: out of memory
int partition_figures(struct system_context *system, const char *table, struct row_sink *sink, struct error *error); // figures.c
bool watermark_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                        int *status); // quern_watermark
// pg_stat_activity, pg_cursors, pg_prepared_statements, quern.transactions. 42P01: another one.
int activity_figures(struct system_context *system, const char *table, struct row_sink *sink, struct error *error); // activity.c

// Makes a frame of what partition->replies has behind `begin`. False: out of memory.
bool output_reply(struct partition *partition, uint32_t session, size_t begin, uint64_t depends);
// What the session has replied since `begin` becomes a frame, and the conversation ends if it must.
void output_replies(struct partition *partition, struct session *session, size_t begin);

// The table to which a tree belongs, as its rows or as an index; NULL: none of the trunk's.
const struct relation *partition_relation_of(const struct partition *partition, tree_number tree);

// --- source.c
int sources_reconcile(struct partition *partition, struct error *error); // opens and closes connectors so that those that are wanted read
void sources_forget(struct partition *partition);
int source_frame(struct partition *partition, const struct frame *frame, struct error *error);
void sources_go_on(struct partition *partition); // those that were held, at a step's end
void source_resume(struct open_source *open); // the claim that it met, or the full sink, is gone

// An atom of the system's own.
struct system_atom {
  struct arena arena;
  struct settings settings;
  struct writer writer;
  struct run run;
  struct read_mark mark;
};
void system_atom_begin(struct partition *partition, uint32_t oid, struct system_atom *atom, struct error *error);
int system_atom_end(struct partition *partition, struct system_atom *atom, int status, struct error *error);

// --- sink.c
int sinks_reconcile(struct partition *partition, struct error *error);
void sinks_forget(struct partition *partition);
int sink_frame(struct partition *partition, const struct frame *frame, struct error *error);
int sinks_deliver(struct partition *partition, struct error *error); // gives out what waits
// After an atom: holds the sources that feed a sink whose outbox is full, or lets them go.
int sinks_press(struct partition *partition, struct error *error);
bool sinks_hold(const struct partition *partition, uint32_t source_oid); // is this source to be held?

// --- session.c
// After a wait: goes on with the Query that waited, up to its end or the next wait.
void session_resume_simple(struct session *session, enum waiting waiting);
void session_end_simple(struct session *session);

// --- batch.c ---
// What was held of the running group's replies is told from here on.
void batch_tell(struct session *session);
// At a step's end: takes what the group has answered in it, where that is held.
void batch_hold(struct session *session);
// What has told nothing is undone, and starts again as a one-shot.
void batch_start_over(struct session *session);
// Has the group failed only for what others did, and told nothing? Then it is undone and starts again as a one-shot.
bool batch_starts_again(struct session *session, const struct error *error);

struct session *session_open(struct partition *partition, const struct frame *frame);
bool session_drop_temporary(struct session *session); // no transaction of it may be open. False: out of memory
void session_close(struct session *session); // its job must be back
void session_process(struct session *session);
void session_note_query(struct session *session, struct bytes text);
void session_fail(struct session *session, const struct error *error); // replies with the error
void session_break(struct session *session, struct error *error); // says so as FATAL: the conversation ends
void session_end_copy(struct session *session, const struct error *error); // a COPY FROM under way fails
void session_notice(struct session *session, const struct error *notice);
// Where the session binds and reads: its branch, or the trunk.
// Its settings for what is read from text: 'now' means its transaction's time.
struct format_settings session_format(struct session *session);
const struct version *session_version(struct session *session);
void session_describe_result(struct session *session, const struct prepared *prepared, const bool *formats);
// Statements and portals by name; the empty name is the unnamed one. NULL: there is none.
struct named_statement *session_statement(struct session *session, struct bytes name);
int session_add_statement(struct session *session, struct bytes name, struct prepared *prepared, const struct type *types,
                          int count, struct error *error);
int session_refresh_statement(struct session *session, struct named_statement *statement, struct error *error);
void session_remove_statement(struct session *session, struct bytes name);
void session_forget_statements(struct session *session);
int session_add_portal(struct session *session, struct bytes name, struct portal **portal, struct error *error);
void session_remove_portal(struct session *session, struct bytes name);
// Those that a transaction's end, or the session's, closes.
enum portals_end { PORTALS_COMMIT, PORTALS_ABORT, PORTALS_ALL };
void session_forget_portals(struct session *session, enum portals_end end);
bool session_more_follows(const struct session *session); // in its group
bool session_is_alone(const struct session *session); // is the running statement all of its group, which is at hand to its end?
void session_forget_portals_since(struct session *session, uint64_t number);
struct portal *session_portal(struct session *session, struct bytes name); // NULL: there is none
void portal_clear(struct portal *portal);

// --- run.c
enum { RUN_DONE = 0, RUN_JOB = 1, RUN_SUSPENDED = 2, RUN_COPY = 3, RUN_RESTART = 4, RUN_WAIT = 5 };
// Runs a portal and replies. max_rows 0: all. RUN_JOB: the session is busy. RUN_WAIT: it waits for a claim. RUN_RESTART: the group must start again as
// a branch. Negative: *error, not yet told.
int portal_run(struct session *session, struct portal *portal, uint64_t max_rows, struct error *error);
// Runs a portal whose rows are to be given in pieces.
int portal_keep(struct session *session, struct portal *portal, struct error *error);
// Replies with up to max_rows of the kept rows that were not given yet; gives their number.
uint64_t portal_take(struct session *session, struct portal *portal, uint64_t max_rows);
void session_depends(struct session *session, uint64_t position); // do its replies, on the log up to there

// --- job.c
int job_start(struct session *session, struct portal *portal, const struct version *version, uint64_t random,
              struct error *error);
void job_done(struct job *job); // FRAME_JOB_DONE: replies, and goes on or ends it
void job_close(struct job *job);
// What a step's functions gave and is used again; behind it lies what was kept while it ran, entry after entry.
struct kept_values {
  int64_t now, statement_now;
  uint64_t random;
};

// A long read of a script, run for its promise on a version that the branch keeps. Takes over `prepared`.
struct job_outcome {
  int status;
  const struct error *error;
  const struct promise *promise;
  const struct read_set *reads;
};
int job_start_round(struct session *session, struct prepared *prepared, const struct version *version, struct bytes step,
                    const struct kept_values *kept, const struct settings *settings, struct error *error);
bool may_be_job(const struct statement *statement);
int job_resume(struct session *session, struct error *error); // after FRAME_RELEASE
void job_interrupt(struct job *job, const struct error *reason);       // ends soon, with that error
void job_abandon(struct session *session); // one that is not out: the session goes on without it

// How rows leave: as DataRow, or as lines of a COPY.
struct row_writer {
  const struct target *columns;
  int column_count;
  const bool *formats;
  const struct copy *copy; // NULL: DataRow
  bool has_begun;          // of a COPY: its first row is written
  struct format_settings settings;
};
struct row_writer row_writer_for(const struct session *session, const struct prepared *prepared, const bool *formats);
// The end of a COPY TO.
void copy_out_end(const struct copy *copy, bool has_rows, struct buffer *out);
void row_write(struct row_writer *writer, const struct value *values, struct buffer *out);
// Adds a row that was just written (from `begin` in out) to the promise.
void statement_promise_row(const struct session *session, struct promise *promise, const struct prepared *prepared,
                           const struct buffer *out, size_t begin);
void statement_tag(const struct prepared *prepared, uint64_t rows, char *tag, size_t size); // "UPDATE 1"
void run_fill_input(struct execution_input *input, struct run *run, const struct version *version, struct writer *writer);

// One statement on a version, wherever that is. Both the first run and the re-run at commit come through here.
struct statement_run {
  struct session *session;
  struct prepared *prepared;
  const struct value *parameters;
  const bool *formats;
  const struct version *version;
  struct writer *writer;      // NULL: a read
  int64_t now, statement_now;
  uint64_t random;
  uint64_t allowance;         // 0: none
  size_t reply_limit;         // bytes after which a read is too long for the loop; 0: none
  struct read_mark *mark;
  struct buffer *out;
  bool discard_rows;          // only the promise counts: a second run
  const struct numbers *numbers; // NULL: what is drawn is not kept
  struct promise *promise;    // NULL: not wanted
  uint64_t row_count;         // out
  bool without_tag;
  const struct claimer *claimer; // NULL: nothing is claimed
  // Rows go there instead of `out`: STATUS_LONG, or 0. NULL: they are written.
  int (*take)(struct statement_run *run, const struct value *row);
  void *take_context;
};
void statement_run_init(struct statement_run *run, struct session *session, struct portal *portal);
// STATUS_LONG: a read beyond its allowance. STATUS_WAIT: it met a claim. Whatever was changed before a failure is undone.
int statement_run(struct statement_run *run, struct error *error);

// --- long.c
// May the statement, having met its allowance, go on beside the trunk?
bool long_may_start(const struct session *session, const struct statement *statement);
int long_start(struct session *session, struct portal *portal, uint64_t random, struct error *error);
// The same for what a definition asks for; ahead is taken over.
int long_start_ahead(struct session *session, struct portal *portal, struct ahead *ahead, struct error *error);
void long_run(struct job *job); // any thread
void long_done(struct session *session, struct job *job);

// --- transaction.c
// What for: to say something (listening.c) needs no room in the log.
enum transaction_access { ACCESS_READ, ACCESS_SAY, ACCESS_CHANGE };
int transaction_version(struct session *session, enum transaction_access access, const struct version **version, struct writer *writer,
                        struct error *error);
bool transaction_in_branch(const struct session *session);
int transaction_command(struct session *session, const struct prepared *prepared, struct error *error);
int transaction_group_end(struct session *session, struct error *error); // commits or undoes what the group holds by itself
void transaction_abort(struct session *session);
int transaction_refuse(struct session *session, struct error *error);   // what a statement in a failed one gets
int transaction_outdated(struct session *session, struct error *error); // tells it, once
// Gives back the snapshot of a transaction or a long read; its next statement fails. A job must be cancelled beside it.
void transaction_take_snapshot(struct session *session);
char transaction_status(const struct session *session); // for ReadyForQuery
void transaction_warn(struct session *session, const char *sqlstate, const char *text);

void transaction_give_up(struct session *session); // a COMMIT that waited has failed
// After what others did made it fail: the next one is as old as this one was, and claims what it reads.
void transaction_was_unlucky(struct session *session);
// Moves the session's branch to where the trunk is now.
int transaction_move(struct session *session, struct error *error);

// A statement of a transaction that may live on has failed: what it looked at is a promise, too.
void transaction_note_failure(struct session *session, const struct error *error);

// --- script.c
// Records a statement, or a part of a COPY, that the branch has run.
int transaction_record(struct session *session, const struct portal *portal, const struct promise *promise, uint64_t random,
                       const struct read_set *reads, struct error *error);
int transaction_record_copy(struct session *session, char kind, struct bytes bytes, const struct promise *promise,
                            const struct read_set *reads, struct error *error);
extern const struct read_set no_reads; // of a step that looks at nothing
void script_promise_error(struct session *session, const struct error *error, struct promise *promise);
int script_check_deferred(struct session *session, struct writer *writer, struct error *error);
// What a step keeps for its next run: kinds of entries, each in the order in which they came.
enum script_step {
  STEP_STATEMENT = 'S',
  STEP_COPY_BEGIN = 'B',
  STEP_COPY_ROWS = 'D',
  STEP_COPY_END = 'E',
  STEP_CHECK = 'C', // of what was deferred
  STEP_SAVEPOINT = 'P',
  STEP_ROLLBACK_TO = 'T',
  STEP_RELEASE = 'R',
  STEP_SETTINGS = 'X', // of the steps that follow
};
enum kept_kind {
  KEPT_ROW, // key of a row that SKIP LOCKED gave
  KEPT_NUMBER, // of a counter (4): how many (4), the first (8), the step to the next (8)
  KEPT_KINDS
};
int script_keep(struct session *session, enum kept_kind kind, struct bytes bytes, struct error *error);
// Where a second run is in the kept numbers of one counter.
enum { KEPT_COUNTERS = 16 }; // of one statement; those of others are drawn again
struct kept_cursor {
  uint32_t counter, used; // of the entry at hand
  size_t at;              // behind it
  struct bytes entry;
};

// The session's script run once more, on the trunk or on a newer branch.
// A step that is a statement, taken apart; borrowed from the script and an arena.
struct script_statement {
  struct bytes text;
  bool literals;              // the text is a stripped one
  struct type *types;         // as they were given
  struct value *values;
  enum type_id *value_types;
  int count, columns;
  bool *formats;              // of the columns; NULL: all text
};
int script_statement(struct bytes step, struct arena *arena, struct script_statement *statement, struct error *error);
// Binds it anew. 40001: it means something else now.
int script_prepare(struct session *session, const struct settings *settings, const struct version *version,
                   struct script_statement *statement, struct prepared **prepared, struct error *error);
void script_settings(const struct session *session, struct bytes step, struct settings *settings); // with which it runs

struct rerun {
  struct session *session;
  struct settings settings; // the session's own: meanwhile it has those of the script
  struct copy_feed *feed;
  struct buffer out; // replies that nobody sees
  struct bytes kept; // of the step at hand
  size_t kept_at[KEPT_KINDS];
  struct kept_cursor cursors[KEPT_COUNTERS];
  int cursor_count;
  char failure[512]; // of the step at hand; empty: none
  struct numbers numbers;
  struct run run;
  struct writer writer;
  struct step_runner runner;
  struct claimer claimer;
  struct savepoints savepoints;
  bool tells_errors; // a statement that fails now fails the commit with its own error
};
void rerun_begin(struct rerun *rerun, struct session *session, struct error *error);
void rerun_end(struct rerun *rerun, struct error *error); // says in its detail why a step would fail now
// The next entry of this kind at *at or behind it; moves *at behind it.
bool kept_entry(const struct rerun *rerun, enum kept_kind kind, size_t *at, struct bytes *bytes);
bool script_kept(struct rerun *rerun, enum kept_kind kind, struct bytes *bytes); // the next one; false: there is none

// --- round.c
// Are there long reads in the script to be looked at again, before it runs on the trunk? True: a job is out, and the session
// waits; it is made ready when all of them have been.
bool round_begin(struct session *session);
void round_job_done(struct session *session, const struct job_outcome *outcome);

// --- identity.c
void identity_hide_row(struct session *session, struct error *error); // whose table the role may not read
bool identity_is_setting(const char *name); // role, session_authorization
// The role of this oid, or of this name where it is 0. 28000, 53300.
int identity_begin(struct session *session, const char *name, uint32_t oid, struct error *error);
int identity_set(struct session *session, struct settings *settings, const char *name, const char *value,
                 struct error *error); // value NULL: RESET. 22023, 42501

// --- sleeping.c
void sleeping_init(struct session *session);
void sleeping_end(struct session *session);                        // its work is done, or failed
void sleeping_restart(struct session *session, bool is_group); // what it waits with will run again
// pg_sleep; false: it is another function.
bool sleep_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                    struct value *result, int *status);

// --- setting.c
int session_setting(struct session *session, struct settings *settings, const char *name, const char *value,
                    struct error *error); // changes one in `settings`
void session_refresh_path(struct session *session); // schemas may have come or gone since it was set
void session_note_settings(struct session *session); // before the first change of a transaction
void session_end_settings(struct session *session, bool is_committed);
void session_restore_settings(struct session *session, const struct settings *settings); // and tells the client
void session_reset_settings(struct session *session); // RESET ALL
// Options of BEGIN and SET TRANSACTION; as_default: of all transactions to come.
int session_set_characteristics(struct session *session, PgQuery__Node **options, size_t count, bool as_default,
                                struct error *error);
int set_command(struct session *session, const PgQuery__VariableSetStmt *set, struct error *error);
int show_command(struct session *session, const PgQuery__VariableShowStmt *show, struct error *error);

// --- cursor.c
struct sql_cursor {
  char *statement;   // as it was declared
  bool is_hold, is_scroll, is_binary;
  bool is_bound;     // a portal of the protocol: Execute goes on where FETCH stopped, and the other way round
  bool is_committed; // its transaction: it outlives others
  bool has_failed;   // a FETCH: it cannot be used any more
  int64_t created_at;
  struct buffer starts; // of its rows: size_t each
  uint64_t position; // of the row at hand, from 1; 0: before the first, one more than there are: behind the last
};
void sql_cursor_close(struct sql_cursor *cursor);
// portal: the command's own, with the parameters or the formats that it was bound with.
int declare_command(struct session *session, const struct portal *portal, struct error *error);
int fetch_command(struct session *session, const struct portal *portal, struct error *error); // and MOVE
// In which formats a FETCH that was bound with `own` gives its rows.
const bool *cursor_formats(const struct session *session, const struct portal *cursor, const bool *own);
int close_command(struct session *session, const PgQuery__ClosePortalStmt *close, struct error *error);

// --- savepoint.c
const struct settings *savepoint_settings(const struct session *session); // of the newest one; NULL: there is none
void savepoints_deinit(struct savepoints *list);
int savepoint_run(struct session *session, const PgQuery__TransactionStmt *command, struct error *error);
// A step of a script that is one of the three, on a stack of the second run's own.
int savepoints_run_step(struct savepoints *list, struct writer *writer, struct bytes step, struct error *error);
// Takes the marks of a second run's stack, whose branch takes over.
void savepoints_moved(struct savepoints *list, const struct savepoints *moved);

// --- waiting.c
// What the session's next statement is to tell of what it relies on. NULL: nobody needs to know.
const struct claimer *waiting_claimer(struct session *session);
// Somebody else's claim was met: says what is to be done again later. Gives RUN_WAIT.
int waiting_begin(struct session *session, enum waiting waiting);
// Goes on with everybody who need not wait any more.
void waiting_wake(struct partition *partition);
// Ends the wait with an error (a cancel). The caller goes on with the session.
void waiting_fail(struct session *session, const struct error *error);
// The same from outside of the session's own frames (a timeout), and goes on with it.
void waiting_interrupt(struct session *session, const struct error *error);
void waiting_init(struct session *session);

// --- timeout.c
void timeouts_init(struct session *session);
// Sets and clears the session's timers as the state wants it in which it is left.
void timeouts_arrange(struct session *session);
void timeouts_clear(struct session *session);
// Ends what the session is at with 57014 "canceling statement due to …": a job, a wait, a COPY. The caller goes on with it.
void session_interrupt(struct session *session, const char *reason);

// --- numbering.c
void numbering_init(struct session *session);
// Makes a run draw as the session and the script, as far as there is one, ask.
void numbering_attach(struct run *run, struct session *session, const struct numbers *numbers, bool is_again);
// nextval, currval, lastval, setval. False: it is none of them.
bool numbering_function(struct evaluation *evaluation, const char *name, const struct value *arguments, int argument_count,
                        struct value *result, int *status);
void numbering_forget(struct session *session); // DISCARD SEQUENCES
// Before replies leave: the log hears of the numbers in them.
int numbering_settle(struct partition *partition, struct session *session, struct error *error);
bool numbering_again(void *context, uint32_t counter, int64_t *number); // context: struct rerun
int numbering_keep_not(void *context, uint32_t counter, int64_t number, struct error *error);

// --- backing.c
bool backup_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                     int *status); // quern_backup
void backup_done(struct session *session);

// --- setting.c
// set_config; false: it is not.
bool setting_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                      int *status);

// --- signal.c
void signals_init(struct session *session);
// pg_cancel_backend, pg_terminate_backend; false: it is none of them.
bool signal_function(struct evaluation *evaluation, const char *name, const struct value *arguments, struct value *result,
                     int *status);

// --- listening.c
void listening_init(struct session *session);
// pg_notify and its kin, and what LISTEN and UNLISTEN do; false: it is none of them.
bool listening_function(struct evaluation *evaluation, const char *name, const struct value *arguments,
                        struct value *result, int *status);
void listening_end(struct session *session); // it listens no more, and forgets what waits for it
void listening_hear(struct partition *partition); // takes what committed atoms have said
void listening_tell(struct session *session); // what waits for it becomes a part of its reply
void listening_tell_all(struct partition *partition); // sessions that are at rest

// --- advisory.c
// pg_advisory_lock and its kin; false: it is none of them.
bool advisory_function(struct evaluation *evaluation, const char *name, const struct value *arguments, int argument_count,
                       struct value *result, int *status);
void advisory_undo_group(struct session *session); // gives back what the one-shot took for the session

// --- locking.c
int lock_command(struct session *session, const struct prepared *prepared, struct error *error); // LOCK TABLE

// "(a, b)=(1, x)", with a blank before it, of a row's key in the table's own tree.
void relation_describe_key(const struct relation *relation, struct bytes key, struct arena *arena, struct buffer *out);

// --- command.c
// Prepares the statement behind the first `keyword` of another: its errors have their place in the whole text.
int command_inner(struct session *session, struct bytes whole, const char *keyword, const struct type *types, int count,
                  struct prepared **prepared, struct error *error);
int command_run(struct session *session, struct portal *portal, struct error *error);
// Appends the description of the rows that a command gives (SHOW, EXPLAIN, FETCH, EXECUTE). False: it gives none.
bool command_describe(struct session *session, const struct prepared *prepared, const bool *formats, struct buffer *out);
int command_column_count(struct session *session, const struct prepared *prepared); // of what it gives
// 0A000 where that is not any more what the portal was bound for.
int command_check_formats(const struct portal *portal, int column_count, struct error *error);

// --- copying.c
int copying_begin(struct session *session, struct portal *portal, struct error *error);
int copying_message(struct session *session, const struct message *message, struct error *error); // RUN_COPY: more to come
void copying_close(struct session *session);
struct copy_feed; // rows of a COPY FROM on their way into a writer
struct copy_feed *copy_feed_open(struct session *session, struct prepared *prepared, struct error *error);
int copy_feed_chunk(struct copy_feed *feed, struct writer *writer, struct bytes chunk, bool at_end, int64_t now, uint64_t random,
                    struct error *error);
uint64_t copy_feed_rows(const struct copy_feed *feed);
void copy_feed_close(struct copy_feed *feed);

// --- task.c
extern const struct flow_hooks task_hooks;
