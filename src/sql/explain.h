// EXPLAIN from inside: what is told of each node (explain.c), and its forms (explain_print.c).
#pragma once

#include "base/buffer.h"
#include "sql/plan_node.h"

enum fact_kind {
  FACT_TEXT,
  FACT_LIST,   // several texts, each ended by a zero byte
  FACT_NUMBER, // as JSON writes it
};

struct fact {
  const char *label;
  enum fact_kind kind;
  bool is_in_head; // the text form has it in the node's first line
  const char *value;
  size_t size; // LIST: of all texts
  struct fact *next;
};

// What is told of one node of a plan.
struct explained {
  const char *title;         // in front of it in the text form ("SubPlan 1", "CTE x"); NULL: none
  const char *relation;      // to its parent, in JSON: "Outer", "Inner", "Subquery", "SubPlan", "InitPlan", "Member"
  const char *head;          // first line of the text form, without costs
  double start_cost, cost, rows;
  int width;
  const struct node_run *run; // what ANALYZE saw; NULL: nothing
  struct fact *facts, *last_fact;
  struct explained *first, *last, *next; // nodes below it; the next one beside it
};

// Append the plan; the text form's lines are ended by newlines.
void explain_as_text(const struct explained *root, const struct explain_options *options, const struct run_report *report,
                     struct buffer *out);
void explain_as_json(const struct explained *root, const struct explain_options *options, const struct run_report *report,
                     struct buffer *out);
