// Clients that append to lists and read them, in transactions of all kinds, and what they did and saw: a history, for
// tools/history to judge. Elements are never used twice, so a list tells who has written it, and in which order.
//
// 1. A transaction whose end its client was not told, though it may have committed, is recorded as `info`.
// 2. What the rules promise never to fail is a violation of the model when it does: what stands outside of BEGIN, and a transaction that claims its one row first
//    (40P01 where tables are locked: that is a circle).
#pragma once

#include "base/buffer.h"
#include "quern.h"
#include "sim/model.h"

// Lists 0 to LISTS_THERE - 1 have their rows from the beginning. The stream appends to STREAM_LISTS lists of its own,
// the element of its row n is STREAM_ELEMENT + n; clients do as well.
enum { LISTS_THERE = 6, LISTS = 9, STREAM_LISTS = 4, STREAM_LIST = 100, STREAM_ELEMENT = 1000000 };

enum { LISTER_QUESTIONS = 8, LISTER_ROWS = 32 };

struct lists {
  struct model *model;
  uint64_t *random;  // what is drawn next, shared with the world
  struct buffer out; // the history, a line for each transaction
  int64_t now;       // grows with each message
  int next_element;
  int next_definition;
  bool is_tight;       // memory is scarce now and then
  bool may_be_refused; // by a full disk or for want of memory: then 53100 and 53200 are answers too
  bool locks_tables; // then a claim of one row may stand in a circle
};

struct question {
  enum question_kind {
    ASK_BEGIN, ASK_COMMIT, ASK_ROLLBACK, ASK_SAVEPOINT, ASK_ROLLBACK_TO, ASK_RELEASE,
    ASK_DEFINE, ASK_READ, ASK_READ_MIRROR, ASK_READ_RANGE, ASK_READ_ALL, ASK_UPSERT,
    ASK_UPDATE
  } kind;
  int keys[4];
  int key_count;
  int element;
  int lock;          // of lock_texts
  bool is_returning;
};

struct lister {
  uint32_t id;       // of its session; 0: not connected
  int ready_count;   // ReadyForQuery that are still to come
  enum shape {
    SHAPE_NONE, SHAPE_ONE_SHOT, SHAPE_BATCH, SHAPE_PIPELINE, SHAPE_WHOLE, SHAPE_INTERACTIVE, SHAPE_CERTAIN
  } shape;
  int64_t start;
  int left;          // statements before COMMIT
  int key;           // SHAPE_CERTAIN: the one row
  bool has_savepoint, has_failed, may_go_back, is_committed, is_over, commit_is_sent;
  bool is_open;      // there is a transaction, as ReadyForQuery says
  struct buffer ops; // of the transaction, as they stand in the history
  struct question questions[LISTER_QUESTIONS]; // sent and not answered
  int first, count;
  struct { int key; char list[1 << 14]; } rows[LISTER_ROWS]; // of the statement that is being answered
  int row_count;
};

// Statements that make the tables; NULL behind the last.
extern const char *const lister_definitions[];

// What it sends next, if it is its turn. False: nothing.
bool lister_next(struct lister *lister, struct lists *lists, struct quern_buffer *messages);
// Begins a transaction that reads all lists.
void lister_read_all(struct lister *lister, struct lists *lists, struct quern_buffer *messages);
void lister_read(struct lister *lister, struct lists *lists, struct bytes messages);
// Its session is gone.
void lister_lost(struct lister *lister, struct lists *lists);
void lister_deinit(struct lister *lister);
// The stream's rows up to here are committed: each is a transaction, in their order.
void lists_add_stream(struct lists *lists, int64_t count);
int stream_list(int64_t row);
