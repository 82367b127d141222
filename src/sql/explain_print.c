// EXPLAIN's two forms: lines, and JSON, as PostgreSQL writes them.
#include <string.h>

#include "sql/explain.h"

#define COST_UNIT 0.0125 // what one row costs in PostgreSQL's measure

static void indent(struct buffer *out, int columns)
{
  for (int i = 0; i < columns; i++)
    buffer_append_u8(out, ' ');
}

static double milliseconds(uint64_t time, uint64_t loops)
{
  return (double)time / 1e6 / (double)loops;
}

// --- Text ------------------------------------------------------------------------------------------------------

static void text_figures(const struct explained *node, const struct explain_options *options, struct buffer *out)
{
  const struct node_run *run = node->run;
  if (options->costs)
    buffer_format(out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", node->start_cost * COST_UNIT, node->cost * COST_UNIT,
                  node->rows, node->width);
  if (run && run->loops == 0)
    buffer_append_string(out, " (never executed)");
  else if (run) {
    buffer_append_string(out, " (actual ");
    if (options->timing)
      buffer_format(out, "time=%.3f..%.3f ", milliseconds(run->first_time, run->loops),
                    milliseconds(run->time, run->loops));
    buffer_format(out, "rows=%.0f loops=%llu)", (double)run->rows / (double)run->loops, (unsigned long long)run->loops);
  }
  buffer_append_u8(out, '\n');
}

static void text_fact(const struct fact *fact, int columns, struct buffer *out)
{
  if (fact->is_in_head)
    return;
  indent(out, columns);
  buffer_format(out, "%s: ", fact->label);
  if (fact->kind != FACT_LIST)
    buffer_append(out, fact->value, fact->size);
  for (size_t at = 0; fact->kind == FACT_LIST && at < fact->size; at += strlen(fact->value + at) + 1) {
    buffer_append_string(out, at ? ", " : "");
    buffer_append_string(out, fact->value + at);
  }
  buffer_append_u8(out, '\n');
}

// The root stands at the margin; a node below has an arrow where its parent's facts begin, one with a title two
// columns further in.
static void text_node(const struct explained *node, const struct explain_options *options, int columns,
                      struct buffer *out)
{
  if (node->title) {
    indent(out, columns);
    buffer_format(out, "%s\n", node->title);
    columns += 2;
  }
  indent(out, columns);
  buffer_append_string(out, columns ? "->  " : "");
  columns += columns ? 4 : 0;
  buffer_append_string(out, node->head);
  text_figures(node, options, out);
  for (const struct fact *fact = node->facts; fact; fact = fact->next)
    text_fact(fact, columns + 2, out);
  for (const struct explained *below = node->first; below; below = below->next)
    text_node(below, options, columns + 2, out);
}

void explain_as_text(const struct explained *root, const struct explain_options *options,
                     const struct run_report *report, struct buffer *out)
{
  text_node(root, options, 0, out);
  if (report && report->has_clock && options->summary)
    buffer_format(out, "Execution Time: %.3f ms\n", milliseconds(report->time, 1));
}

// --- JSON ------------------------------------------------------------------------------------------------------

struct json_writer {
  struct buffer *out;
  int depth;
  bool is_first; // of its object or list
};

static void json_string(struct buffer *out, const char *text, size_t size)
{
  buffer_append_u8(out, '"');
  for (size_t i = 0; i < size; i++) {
    uint8_t c = (uint8_t)text[i];
    if (c == '"' || c == '\\')
      buffer_format(out, "\\%c", c);
    else if (c < 0x20)
      buffer_format(out, "\\u%04x", c);
    else
      buffer_append_u8(out, c);
  }
  buffer_append_u8(out, '"');
}

static void json_item(struct json_writer *w)
{
  buffer_append_string(w->out, w->is_first ? "\n" : ",\n");
  indent(w->out, w->depth * 2);
  w->is_first = false;
}

static void json_key(struct json_writer *w, const char *key)
{
  json_item(w);
  json_string(w->out, key, strlen(key));
  buffer_append_string(w->out, ": ");
}

static void json_open(struct json_writer *w, char bracket)
{
  buffer_append_u8(w->out, (uint8_t)bracket);
  w->depth++;
  w->is_first = true;
}

static void json_close(struct json_writer *w, char bracket)
{
  w->depth--;
  buffer_append_u8(w->out, '\n');
  indent(w->out, w->depth * 2);
  buffer_append_u8(w->out, (uint8_t)bracket);
  w->is_first = false;
}

static void json_fact(struct json_writer *w, const struct fact *fact)
{
  json_key(w, fact->label);
  if (fact->kind == FACT_NUMBER)
    buffer_append(w->out, fact->value, fact->size);
  else if (fact->kind == FACT_TEXT)
    json_string(w->out, fact->value, fact->size);
  if (fact->kind != FACT_LIST)
    return;
  buffer_append_u8(w->out, '[');
  for (size_t at = 0; at < fact->size; at += strlen(fact->value + at) + 1) {
    buffer_append_string(w->out, at ? ", " : "");
    json_string(w->out, fact->value + at, strlen(fact->value + at));
  }
  buffer_append_u8(w->out, ']');
}

static void json_number(struct json_writer *w, const char *key, double value, int decimals)
{
  json_key(w, key);
  buffer_format(w->out, "%.*f", decimals, value);
}

static void json_figures(struct json_writer *w, const struct explained *node, const struct explain_options *options)
{
  const struct node_run *run = node->run;
  if (options->costs) {
    json_number(w, "Startup Cost", node->start_cost * COST_UNIT, 2);
    json_number(w, "Total Cost", node->cost * COST_UNIT, 2);
    json_number(w, "Plan Rows", node->rows, 0);
    json_number(w, "Plan Width", node->width, 0);
  }
  if (!run)
    return;
  if (options->timing) {
    json_number(w, "Actual Startup Time", run->loops ? milliseconds(run->first_time, run->loops) : 0, 3);
    json_number(w, "Actual Total Time", run->loops ? milliseconds(run->time, run->loops) : 0, 3);
  }
  json_number(w, "Actual Rows", run->loops ? (double)run->rows / (double)run->loops : 0, 0);
  json_number(w, "Actual Loops", (double)run->loops, 0);
}

static void json_node(struct json_writer *w, const struct explained *node, const struct explain_options *options)
{
  json_open(w, '{');
  const struct fact *fact = node->facts;
  if (fact) { // the node's type comes first
    json_fact(w, fact);
    fact = fact->next;
  }
  if (node->relation) {
    json_key(w, "Parent Relationship");
    json_string(w->out, node->relation, strlen(node->relation));
  }
  if (node->title) {
    json_key(w, "Subplan Name");
    json_string(w->out, node->title, strlen(node->title));
  }
  for (const struct fact *head = fact; head; head = head->next)
    if (head->is_in_head)
      json_fact(w, head);
  json_figures(w, node, options);
  for (; fact; fact = fact->next)
    if (!fact->is_in_head)
      json_fact(w, fact);
  if (node->first) {
    json_key(w, "Plans");
    json_open(w, '[');
    for (const struct explained *below = node->first; below; below = below->next) {
      json_item(w);
      json_node(w, below, options);
    }
    json_close(w, ']');
  }
  json_close(w, '}');
}

void explain_as_json(const struct explained *root, const struct explain_options *options,
                     const struct run_report *report, struct buffer *out)
{
  struct json_writer w = {.out = out, .depth = 1};
  buffer_append_string(out, "[\n  ");
  json_open(&w, '{');
  json_key(&w, "Plan");
  json_node(&w, root, options);
  if (report && report->has_clock && options->summary)
    json_number(&w, "Execution Time", milliseconds(report->time, 1), 3);
  json_close(&w, '}');
  buffer_append_string(out, "\n]");
}
