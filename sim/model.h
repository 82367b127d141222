// What must be true of the engine's state, whatever happens to it: told of everything that clients sent, were shown and
// were acknowledged, and asked after each recovery.
//
// 1. What was acknowledged is there. What was sent and not acknowledged is there as a whole or not at all.
// 2. What was shown to anybody stays true: whoever asks for a count that only grows is never shown less than anybody had
//    been shown when the question was sent, across crashes too.
// 3. Money is neither made nor lost, in any state that a reader sees.
// 4. A stream's rows are counted exactly once: the counts are the committed position.
// 5. A sink has a stream's rows once and in their order, and none of an atom that a crash undid.
// 6. What raises all rows at once, beside the trunk, raises all or none: they are equal in any state that a reader sees.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ACCOUNTS = 10, MONEY = 1000, LEDGER = 20000, KEYS = 8 };

enum ledger_state { LEDGER_UNUSED, LEDGER_SENT, LEDGER_ACKNOWLEDGED };

struct model {
  uint8_t ledger[LEDGER]; // by id; ids are drawn in pairs (2n, 2n + 1) that stand or fall together
  int32_t next_id;
  int64_t ledger_floor;   // rows that somebody was shown
  int64_t value_floor[KEYS];
  int64_t counted_floor;
  int64_t raised_floor;   // how often all accounts were raised, as somebody was shown
  int64_t raised_acknowledged;
  char violation[512];    // not empty: what was found
};

// The first violation is kept.
void model_violate(struct model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));
int32_t model_draw_pair(struct model *model); // -1: none is left
void model_acknowledge_pair(struct model *model, int32_t id);

// What a reader was shown. floor: what had been shown of it when the question was sent.
void model_saw_money(struct model *model, int64_t sum);
void model_saw_ledger(struct model *model, int64_t count, int64_t floor);
void model_saw_value(struct model *model, int key, int64_t value, int64_t floor);
// raised: -1: not all rows alike. acknowledged: raises until the question was sent.
void model_saw_raised(struct model *model, int64_t raised, int64_t floor, int64_t acknowledged);
void model_saw_counted(struct model *model, int64_t counted, int64_t floor);

// After a recovery: all ids that are there, ascending; and the counts beside the source's committed position.
void model_check_ledger(struct model *model, const int32_t *ids, int count);
void model_check_stream(struct model *model, int64_t counted, int64_t position);
// Rows that a sink had when it was opened after the recovery.
void model_check_sink(struct model *model, int64_t rows, int64_t position);
