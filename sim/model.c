// The model's checks; see the numbered promises in model.h.
#include "sim/model.h"

#include <stdarg.h>
#include <stdio.h>

void model_violate(struct model *model, const char *format, ...)
{
  if (model->violation[0])
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(model->violation, sizeof model->violation, format, arguments);
  va_end(arguments);
}

int32_t model_draw_pair(struct model *model)
{
  if (model->next_id + 1 >= LEDGER)
    return -1;
  int32_t id = model->next_id;
  model->next_id += 2;
  model->ledger[id] = model->ledger[id + 1] = LEDGER_SENT;
  return id;
}

void model_acknowledge_pair(struct model *model, int32_t id)
{
  model->ledger[id] = model->ledger[id + 1] = LEDGER_ACKNOWLEDGED;
}

void model_saw_money(struct model *model, int64_t sum)
{
  if (sum != MONEY)
    model_violate(model, "the accounts hold %lld, not %d", (long long)sum, MONEY);
}

static void grows(struct model *model, const char *what, int64_t value, int64_t floor, int64_t *newest)
{
  if (value < floor)
    model_violate(model, "%s is %lld, and somebody had been shown %lld", what, (long long)value, (long long)floor);
  else if (value > *newest)
    *newest = value;
}

void model_saw_ledger(struct model *model, int64_t count, int64_t floor)
{
  grows(model, "the ledger's count", count, floor, &model->ledger_floor);
}

void model_saw_value(struct model *model, int key, int64_t value, int64_t floor)
{
  grows(model, "a value that only grows", value, floor, &model->value_floor[key]);
}

void model_saw_raised(struct model *model, int64_t raised, int64_t floor, int64_t acknowledged)
{
  if (raised < 0)
    model_violate(model, "some accounts were raised, and others not");
  grows(model, "how often the accounts were raised", raised, floor > acknowledged ? floor : acknowledged, &model->raised_floor);
}

void model_saw_counted(struct model *model, int64_t counted, int64_t floor)
{
  grows(model, "the count of the stream's rows", counted, floor, &model->counted_floor);
}

void model_check_ledger(struct model *model, const int32_t *ids, int count)
{
  int at = 0;
  for (int32_t id = 0; id < LEDGER; id++) {
    bool is_there = at < count && ids[at] == id;
    at += is_there;
    if (is_there && model->ledger[id] == LEDGER_UNUSED)
      model_violate(model, "ledger row %d was never sent", id);
    if (!is_there && model->ledger[id] == LEDGER_ACKNOWLEDGED)
      model_violate(model, "ledger row %d was acknowledged and is lost", id);
    if (id % 2 == 1 && is_there != (at - is_there > 0 && ids[at - is_there - 1] == id - 1))
      model_violate(model, "ledger rows %d and %d are half done", id - 1, id);
    if (is_there && model->ledger[id] == LEDGER_SENT)
      model->ledger[id] = LEDGER_ACKNOWLEDGED; // it was shown now
  }
  if (at != count)
    model_violate(model, "the ledger has rows that nobody sent");
  model_saw_ledger(model, count, model->ledger_floor);
}

void model_check_stream(struct model *model, int64_t counted, int64_t position)
{
  if (counted != position)
    model_violate(model, "%lld rows of the stream are counted, %lld are committed", (long long)counted, (long long)position);
  model_saw_counted(model, counted, model->counted_floor);
}

void model_check_sink(struct model *model, int64_t rows, int64_t position)
{
  if (rows > position)
    model_violate(model, "the sink had %lld rows of the stream, %lld are committed", (long long)rows, (long long)position);
}
