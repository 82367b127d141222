// What the rules promise of a setup beforehand: in which no client is ever told 40001 or 40P01.
#pragma once

#include "rules.h"

enum hold_level { HOLDS_NOTHING, HOLDS_EXISTENCE, HOLDS_ROW };

// What others may do to the rows beside one party.
struct others {
  bool change_existence[ROWS], change_a[ROWS], change[ROWS];
};

static inline struct others others_of(const struct setup *setup, int who)
{
  struct others others = {0};
  bool may_be_absent[ROWS];
  for (int k = 0; k < ROWS; k++)
    may_be_absent[k] = !row_is(setup->start[k]);
  for (int i = 0; i < CLIENTS; i++)
    for (int s = 0; s < setup->scripts[i].count; s++)
      may_be_absent[setup->scripts[i].steps[s].key] |= setup->scripts[i].steps[s].kind == DELETE;
  for (int i = 0; i < CLIENTS; i++)
    for (int s = 0; i != who && s < setup->scripts[i].count; s++) {
      uint8_t kind = setup->scripts[i].steps[s].kind, k = setup->scripts[i].steps[s].key;
      bool writes = kind >= ADD && kind <= DELETE;
      bool inserts = (kind == INSERT || kind == UPSERT) && may_be_absent[k];
      others.change_existence[k] |= kind == DELETE || inserts;
      others.change_a[k] |= writes && kind != SET_OTHER && (kind != INSERT || inserts);
      others.change[k] |= writes && (kind != INSERT || inserts);
    }
  return others;
}

// Can nobody else make this statement's reply another one, once it is given? level: what the claims keep, row by row.
static inline bool is_kept(struct statement statement, const struct others *others, enum hold_level *level, bool is_own)
{
  int k = statement.key;
  bool exists = level[k] >= HOLDS_EXISTENCE || !others->change_existence[k];
  switch (statement.kind) {
  case ADD: case SET_OTHER: return exists;
  case UPSERT: return true;
  case ADD_RETURNING: case DELETE: level[k] = HOLDS_ROW; return exists;
  case LOCK: case LOCK_SHARE: level[k] = HOLDS_ROW; return true;
  case INSERT:
    if (level[k] < HOLDS_EXISTENCE)
      level[k] = HOLDS_EXISTENCE;
    return true;
  case READ:
    if (is_own && exists)
      level[k] = HOLDS_ROW;
    return level[k] == HOLDS_ROW || !others->change_a[k];
  case TAKE: return level[k] == HOLDS_ROW || !others->change_a[k];
  case COUNT_BOTH: case CONDITIONAL: return level[k] == HOLDS_ROW || !others->change[k];
  default: return false;
  }
}

static inline bool promises_no_40001(const struct setup *setup)
{
  if (setup->stream_count)
    return false;
  for (int i = 0; i < CLIENTS; i++) {
    struct others others = others_of(setup, i);
    enum hold_level level[ROWS] = {HOLDS_NOTHING, HOLDS_NOTHING};
    unsigned own = 0;
    for (int s = 0; !setup->is_one_shot[i] && s < setup->scripts[i].count; s++) {
      struct statement statement = setup->scripts[i].steps[s];
      if (statement.kind == SUM) {
        for (int k = 0; k < ROWS; k++)
          if (!is_kept((struct statement){READ, (uint8_t)k}, &others, level, own >> k & 1))
            return false;
      } else if (!is_kept(statement, &others, level, own >> statement.key & 1)) {
        return false;
      }
      bool writes = statement.kind == ADD || statement.kind == SET_OTHER || statement.kind == UPSERT;
      own |= (unsigned)writes << statement.key;
    }
  }
  return true;
}

// Nobody shares, nobody leaves anything to be met at COMMIT, and all claim the rows in the same order: then nobody can
// wait in a circle. (Whose claim a stream has broken may come to the row again, behind others, if that has not broken
// its promise as well.)
static inline bool promises_no_deadlock(const struct setup *setup)
{
  for (int i = 0; i < CLIENTS; i++)
    for (int s = 0; s < setup->scripts[i].count; s++) {
      const struct statement *step = &setup->scripts[i].steps[s];
      bool claims_at_once = step->kind == READ || step->kind == ADD_RETURNING || step->kind == LOCK ||
                            (!setup->stream_count && (step->kind == CONDITIONAL || step->kind == DELETE));
      if (!claims_at_once || (s > 0 && step->key < step[-1].key))
        return false;
    }
  return true;
}
