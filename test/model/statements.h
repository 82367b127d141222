// What the model's transactions are made of: rows of two columns, and statements on one row each (or on all).
//
// A statement is a pure function of the rows that it sees. It gives a reply, new rows, and the claims that its reply
// relies on; whether its reply can be different on other rows (`statement_is_dirty`) is what repair asks.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 2, STEPS = 3, NO_MODE = -1 };

// A row: column a in the low bits, column b above; or none.
typedef uint8_t row;
#define ROW_ABSENT ((row)0xff)
#define ROW_OF(a, b) ((row)((a) | ((b) << 4)))
static inline bool row_is(row r) { return r != ROW_ABSENT; }
static inline int row_a(row r) { return r & 15; }
static inline int row_b(row r) { return r >> 4 & 1; }

enum mode { KEY_SHARE, SHARE, NO_KEY_UPDATE, UPDATE };

static inline bool modes_conflict(int x, int y)
{
  static const uint8_t with[] = {
    [KEY_SHARE] = 1 << UPDATE,
    [SHARE] = 1 << NO_KEY_UPDATE | 1 << UPDATE,
    [NO_KEY_UPDATE] = 1 << SHARE | 1 << NO_KEY_UPDATE | 1 << UPDATE,
    [UPDATE] = 1 << KEY_SHARE | 1 << SHARE | 1 << NO_KEY_UPDATE | 1 << UPDATE,
  };
  return with[x] >> y & 1;
}

enum kind {
  READ,          // SELECT a
  SUM,           // SELECT sum(a), of all rows
  COUNT_BOTH,    // SELECT count(*) WHERE a = 2 AND b = 1
  ADD,           // SET a = a + 1
  ADD_RETURNING, // the same, RETURNING a
  SET_OTHER,     // SET b = 1
  TAKE,          // SET a = a - 1 WHERE a > 0
  CONDITIONAL,   // SET a = 2 WHERE a = 1: it would not find the row a second time
  UPSERT,        // INSERT … ON CONFLICT DO UPDATE SET a = a + 1
  INSERT,        // INSERT … ON CONFLICT DO NOTHING
  DELETE,
  LOCK,          // SELECT a FOR UPDATE
  LOCK_SHARE,    // SELECT a FOR SHARE
  KINDS
};

static const char *const kind_names[KINDS] = {
  "READ", "SUM", "COUNT_BOTH", "ADD", "ADD_RETURNING", "SET_OTHER", "TAKE", "CONDITIONAL", "UPSERT", "INSERT", "DELETE",
  "LOCK", "LOCK_SHARE",
};

struct statement {
  uint8_t kind, key;
};

struct script {
  uint8_t count;
  struct statement steps[STEPS];
};

struct effect {
  int8_t reply;
  bool writes;
  row written;         // of its key
  bool sets_b;         // of the columns only b (else a, or the whole row)
  int8_t wish[ROWS];   // modes of the claims that the reply relies on
};

// Does the row pass the statement's WHERE?
static inline bool statement_finds(struct statement statement, row r)
{
  switch (statement.kind) {
  case COUNT_BOTH: return row_is(r) && row_a(r) == 2 && row_b(r) == 1;
  case TAKE: return row_is(r) && row_a(r) > 0;
  case CONDITIONAL: return row_is(r) && row_a(r) == 1;
  default: return row_is(r);
  }
}

static inline void statement_write(struct statement statement, row *r, struct effect *effect)
{
  bool found = statement_finds(statement, *r);
  effect->writes = found != (statement.kind == INSERT) || statement.kind == UPSERT;
  effect->reply = effect->writes;
  row now = *r;
  switch (statement.kind) {
  case ADD: case ADD_RETURNING: now = ROW_OF((row_a(*r) + 1) % 8, row_b(*r)); break;
  case SET_OTHER: now = ROW_OF(row_a(*r), 1); effect->sets_b = true; break;
  case TAKE: now = ROW_OF(row_a(*r) - 1, row_b(*r)); break;
  case CONDITIONAL: now = ROW_OF(2, row_b(*r)); break;
  case UPSERT: now = found ? ROW_OF((row_a(*r) + 1) % 8, row_b(*r)) : ROW_OF(1, 0); break;
  case INSERT: now = ROW_OF(1, 0); break;
  default: now = ROW_ABSENT; break;
  }
  int8_t *wish = &effect->wish[statement.key];
  if (!effect->writes) {
    *wish = statement.kind == INSERT ? KEY_SHARE : NO_MODE;
    return;
  }
  if (statement.kind == ADD_RETURNING || statement.kind == CONDITIONAL)
    *wish = NO_KEY_UPDATE;
  else if (statement.kind == INSERT || statement.kind == DELETE)
    *wish = UPDATE;
  if (statement.kind == ADD_RETURNING)
    effect->reply = (int8_t)row_a(now);
  effect->written = *r = now;
}

// Bits of rows that are claimed: if they are shown; whatever is read of them, there or not.
struct claimed {
  uint8_t if_shown, if_read;
};

static const struct claimed claimed_none = {0, 0};

static inline struct effect statement_run(struct statement statement, row rows[ROWS], struct claimed claimed)
{
  struct effect effect = {.wish = {NO_MODE, NO_MODE}};
  uint8_t kind = statement.kind;
  if (kind != READ && kind != SUM && kind != COUNT_BOTH && kind != LOCK && kind != LOCK_SHARE) {
    statement_write(statement, &rows[statement.key], &effect);
    if (claimed.if_read >> statement.key & 1 && effect.wish[statement.key] < NO_KEY_UPDATE)
      effect.wish[statement.key] = NO_KEY_UPDATE;
    return effect;
  }
  effect.reply = kind == READ || kind == LOCK || kind == LOCK_SHARE ? -1 : 0;
  for (int k = 0; k < ROWS; k++) {
    if (kind != SUM && k != statement.key)
      continue;
    if (statement_finds(statement, rows[k])) {
      effect.reply = (int8_t)(kind == SUM ? effect.reply + row_a(rows[k]) : kind == COUNT_BOTH ? 1 : row_a(rows[k]));
      if (claimed.if_shown >> k & 1)
        effect.wish[k] = NO_KEY_UPDATE;
    }
    if (claimed.if_read >> k & 1)
      effect.wish[k] = NO_KEY_UPDATE;
    if (kind == LOCK || kind == LOCK_SHARE)
      effect.wish[k] = kind == LOCK ? UPDATE : SHARE;
  }
  return effect;
}

// Does the statement see a difference between these two contents of a row? It counts if one of them passes its WHERE
// and they differ in a column that it uses.
static inline bool statement_tells_apart(struct statement statement, row then, row now)
{
  if (!statement_finds(statement, then) && !statement_finds(statement, now))
    return false;
  if (row_is(then) != row_is(now))
    return true;
  uint8_t kind = statement.kind;
  if (kind == SET_OTHER || kind == INSERT || kind == DELETE)
    return false;
  return row_a(then) != row_a(now) || (kind == COUNT_BOTH && row_b(then) != row_b(now));
}
