// Compiles expression trees to flat steps over registers, and runs them.
//
// 1. A node's value lands in the register it was compiled for; its arguments use the registers from there on,
//    so a call's arguments lie side by side. The number of registers is the depth of the tree, not its size.
// 2. Operands of the fast steps are read where they lie (column, parameter, constant, register), without a copy.
// 3. Before compiling, the tree is simplified: constant and pure parts are computed, unless they fail; then
//    the failure is left to the run, which may never come there.
// 4. A program holds nothing that changes: registers are on the stack or in the evaluation's arena.
#include "expr/program.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sqlstate.h"
#include "data/array.h"
#include "expr/domain.h"

enum operation {
  OP_MOVE,         // target = left
  OP_CALL,         // target = function(registers[first], count)
  OP_CALL_STRICT,  // the same; NULL if one argument is NULL
  OP_JUMP,         // to jump
  OP_JUMP_NOT_TRUE, // if left is not TRUE
  OP_JUMP_NOT_NULL, // if left is not NULL
  OP_AND,          // target = target AND left; jump when FALSE
  OP_OR,           // target = target OR left; jump when TRUE
  OP_NOT,
  OP_IS_NULL,
  OP_IS_NOT_NULL,
  OP_IS_TRUE,
  OP_IS_NOT_TRUE,
  OP_IS_FALSE,
  OP_IS_NOT_FALSE,
  OP_DISTINCT,     // by value_compare of type
  OP_NOT_DISTINCT,
  OP_NULLIF,
  OP_GREATEST,     // target = the greater of target and left, NULLs passed over
  OP_LEAST,
  OP_IN,           // target = target OR (first = left), first in register target + 1; jump when TRUE
  OP_IN_SET,       // left in the sorted constants
  OP_ARRAY_TEST,   // target = function(registers[first], an element of registers[first + 1]) for one; negated: for all
  OP_DOMAIN,       // target = left, which the domain's constraints hold of
  OP_TO_TEXT,      // target = text form of left, for arguments of any type
  OP_SUBQUERY,
  OP_INTEGER_EQ,   // the fast shapes
  OP_INTEGER_NE,
  OP_INTEGER_LT,
  OP_INTEGER_LE,
  OP_INTEGER_GT,
  OP_INTEGER_GE,
  OP_FLOAT_EQ,
  OP_FLOAT_NE,
  OP_FLOAT_LT,
  OP_FLOAT_LE,
  OP_FLOAT_GT,
  OP_FLOAT_GE,
  OP_INTEGER_ADD,  // within low..high of type
  OP_INTEGER_SUBTRACT,
  OP_INTEGER_MULTIPLY,
  OP_FLOAT_ADD,
  OP_FLOAT_SUBTRACT,
  OP_FLOAT_MULTIPLY,
};

enum operand_kind { OPERAND_REGISTER, OPERAND_CONSTANT, OPERAND_COLUMN, OPERAND_PARAMETER };

struct operand {
  enum operand_kind kind;
  int32_t a; // register, range or parameter
  union {
    int32_t column;
    const struct value *constant;
  };
};

struct program_step {
  uint8_t operation;
  bool negated;
  enum type_id type; // of what is compared, or of the result
  int32_t target;
  struct operand left, right;
  union {
    int32_t jump;
    struct {
      const struct function *function;
      const enum type_id *types; // for a function that takes them
      const struct user_types *user_types; // for a function that reads values of them
      enum type_id spread;       // of the last argument, whose elements are arguments; TYPE_UNKNOWN: it is one itself
      int32_t first, count;
    };
    const struct domain_test *domain;
    struct {
      const struct value *set; // sorted
      int32_t set_count;
      bool set_has_null;
    };
    struct {
      enum subquery_kind subquery_kind;
      int32_t subquery;
      bool has_left;
    };
  };
};

enum { REGISTERS_ON_STACK = 24 };

// ---- running ----

static inline const struct value *operand_value(const struct operand *operand, const struct evaluation *evaluation,
                                                const struct value *registers)
{
  switch (operand->kind) {
  case OPERAND_REGISTER:
    return &registers[operand->a];
  case OPERAND_CONSTANT:
    return operand->constant;
  case OPERAND_COLUMN:
    return &evaluation->ranges[operand->a][operand->column];
  case OPERAND_PARAMETER:
    break;
  }
  return &evaluation->parameters[operand->a];
}

static int to_text(struct evaluation *evaluation, enum type_id type, const struct value *value, struct value *out)
{
  if (value->is_null) {
    *out = value_null();
    return STATUS_OK;
  }
  struct buffer buffer = {.account = evaluation->arena->account};
  value_to_text(type, value, evaluation->settings ? evaluation->settings : &format_settings_default, &buffer);
  uint8_t *data = buffer.failed ? NULL : arena_copy(evaluation->arena, buffer.data, buffer.size);
  *out = value_bytes(data, (uint32_t)buffer.size);
  buffer_deinit(&buffer);
  return data ? STATUS_OK : error_memory(evaluation->error);
}

// VARIADIC: what an array has becomes arguments behind the others. Without one the result is NULL, but format has its
// pattern still.
static int run_spread(const struct program_step *step, struct evaluation *evaluation, struct value *registers)
{
  const struct value *given = &registers[step->first];
  int fixed = step->count - 1, count = fixed;
  if (given[fixed].is_null && strcmp(step->function->name, "format") != 0) {
    registers[step->target] = value_null();
    return STATUS_OK;
  }
  struct array array = {0};
  if (!given[fixed].is_null)
    array = array_of(step->spread, &given[fixed]);
  struct value *arguments = ARENA_ARRAY(evaluation->arena, struct value, (size_t)fixed + array.count + 1), result = {0};
  enum type_id *types = ARENA_ARRAY(evaluation->arena, enum type_id, (size_t)fixed + array.count + 1);
  if (!arguments || !types)
    return error_memory(evaluation->error);
  for (int i = 0; i < fixed; i++) {
    arguments[i] = given[i];
    types[i] = step->types ? step->types[i] : TYPE_TEXT;
  }
  struct array_walk walk = array_walk(&array);
  for (int status; array.count && array_next(&walk, &arguments[count]); count++) {
    types[count] = array.element;
    if (!step->types && (status = to_text(evaluation, array.element, &arguments[count], &arguments[count])))
      return status;
  }
  evaluation->argument_types = types;
  evaluation->result_type = step->type;
  int status = step->function->code(evaluation, arguments, count, &result);
  if (status == STATUS_OK)
    registers[step->target] = result;
  return status;
}

static int run_call(const struct program_step *step, struct evaluation *evaluation, struct value *registers)
{
  if (step->spread != TYPE_UNKNOWN)
    return run_spread(step, evaluation, registers);
  const struct value *arguments = &registers[step->first];
  struct value result = {0};
  if (step->operation == OP_CALL_STRICT)
    for (int i = 0; i < step->count; i++)
      if (arguments[i].is_null) {
        registers[step->target] = value_null();
        return STATUS_OK;
      }
  evaluation->argument_types = step->types;
  evaluation->result_type = step->type;
  evaluation->types = step->user_types;
  int status = step->function->code(evaluation, arguments, step->count, &result);
  if (status == STATUS_OK)
    registers[step->target] = result;
  return status;
}

static int run_arithmetic_error(const struct program_step *step, struct evaluation *evaluation)
{
  if (step->type == TYPE_FLOAT8)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
  return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range",
                   type_info(step->type)->name);
}

static inline bool integer_fits(enum type_id type, int64_t v)
{
  return type == TYPE_INT8 || (type == TYPE_INT4 ? v == (int32_t)v : v == (int16_t)v);
}

// PostgreSQL's order: NaN equals NaN and is above all.
static inline int float_compare(double a, double b)
{
  if (isnan(a) || isnan(b))
    return isnan(a) - isnan(b);
  return (a > b) - (a < b);
}

// False: out of range.
static bool run_integer_arithmetic(const struct program_step *step, int64_t a, int64_t b, int64_t *out)
{
  bool overflow = step->operation == OP_INTEGER_ADD        ? __builtin_add_overflow(a, b, out)
                  : step->operation == OP_INTEGER_SUBTRACT ? __builtin_sub_overflow(a, b, out)
                                                           : __builtin_mul_overflow(a, b, out);
  return !overflow && integer_fits(step->type, *out);
}

static int run_float_arithmetic(const struct program_step *step, struct evaluation *evaluation, double a, double b,
                                double *out)
{
  *out = step->operation == OP_FLOAT_ADD ? a + b : step->operation == OP_FLOAT_SUBTRACT ? a - b : a * b;
  if (isinf(*out) && !isinf(a) && !isinf(b))
    return run_arithmetic_error(step, evaluation);
  if (step->operation == OP_FLOAT_MULTIPLY && *out == 0 && a != 0 && b != 0)
    return error_set(evaluation->error, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
  return STATUS_OK;
}

static bool float_holds(int operation, double a, double b)
{
  int order = float_compare(a, b);
  switch (operation) {
  case OP_FLOAT_EQ: return order == 0;
  case OP_FLOAT_NE: return order != 0;
  case OP_FLOAT_LT: return order < 0;
  case OP_FLOAT_LE: return order <= 0;
  case OP_FLOAT_GT: return order > 0;
  default: return order >= 0;
  }
}

static struct value run_in_set(const struct program_step *step, const struct value *left)
{
  if (left->is_null)
    return value_null();
  if (values_contain(step->type, step->set, step->set_count, left))
    return value_boolean(!step->negated);
  return step->set_has_null ? value_null() : value_boolean(step->negated);
}

static bool is_distinct(enum type_id type, const struct value *a, const struct value *b)
{
  if (a->is_null || b->is_null)
    return a->is_null != b->is_null;
  return value_compare(type, a, b) != 0;
}

static int run_to_text(const struct program_step *step, struct evaluation *evaluation, const struct value *left,
                       struct value *out)
{
  return to_text(evaluation, step->type, left, out);
}

static int run_subquery(const struct program_step *step, struct evaluation *evaluation, const struct value *left,
                        struct value *out)
{
  struct value result = {0};
  if (!evaluation->hooks || !evaluation->hooks->subquery)
    return error_set(evaluation->error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use subquery in this expression");
  int status = evaluation->hooks->subquery(evaluation, step->subquery_kind, step->subquery, left, &result);
  if (status == STATUS_OK && step->negated && !result.is_null)
    result.integer = !result.integer;
  *out = result;
  return status;
}

// The left side against each element. A comparison that gives NULL decides nothing; nor does NULL on one side where the
// function is not called on it.
static int run_array_test(const struct program_step *step, struct evaluation *evaluation, const struct value *registers,
                          struct value *out)
{
  const struct value *sides = &registers[step->first];
  struct value result = value_boolean(step->negated), pair[2] = {sides[0]};
  if (sides[1].is_null) {
    *out = value_null();
    return STATUS_OK;
  }
  struct array array = array_of(step->type, &sides[1]);
  bool is_strict = !step->function->called_on_null;
  for (struct array_walk walk = array_walk(&array); array_next(&walk, &pair[1]);) {
    struct value own = value_null();
    evaluation->argument_types = step->types;
    if (!is_strict || (!pair[0].is_null && !pair[1].is_null)) {
      int status = step->function->code(evaluation, pair, 2, &own);
      if (status)
        return status;
    }
    if (own.is_null) {
      result = own;
    } else if ((own.integer != 0) != step->negated) {
      result = own;
      break;
    }
  }
  *out = result;
  return STATUS_OK;
}

// The greater (or lesser) of what is there and what comes; NULL only while all were.
static void run_extreme(const struct program_step *step, const struct value *left, struct value *target)
{
  if (left->is_null)
    return;
  int order = target->is_null ? 0 : value_compare(step->type, left, target);
  if (target->is_null || (step->operation == OP_GREATEST ? order > 0 : order < 0))
    *target = *left;
}

// Steps that are not hot. May jump by changing *at.
static int run_rare(const struct program_step *step, struct evaluation *evaluation, struct value *registers, int *at)
{
  struct value *target = &registers[step->target];
  const struct value *left = operand_value(&step->left, evaluation, registers);
  switch ((enum operation)step->operation) {
  case OP_DISTINCT:
  case OP_NOT_DISTINCT: {
    const struct value *right = operand_value(&step->right, evaluation, registers);
    *target = value_boolean(is_distinct(step->type, left, right) == (step->operation == OP_DISTINCT));
    return STATUS_OK;
  }
  case OP_NULLIF: {
    const struct value *right = operand_value(&step->right, evaluation, registers);
    *target = !left->is_null && !right->is_null && value_compare(step->type, left, right) == 0 ? value_null() : *left;
    return STATUS_OK;
  }
  case OP_GREATEST:
  case OP_LEAST:
    run_extreme(step, left, target);
    return STATUS_OK;
  case OP_IN: {
    const struct value *first = &registers[step->target + 1];
    if (first->is_null || left->is_null)
      *target = value_null();
    else if (value_compare(step->type, first, left) == 0) {
      *target = value_boolean(true);
      *at = step->jump;
    }
    return STATUS_OK;
  }
  case OP_IN_SET:
    *target = run_in_set(step, left);
    return STATUS_OK;
  case OP_ARRAY_TEST:
    return run_array_test(step, evaluation, registers, target);
  case OP_DOMAIN:
    *target = *left;
    return domain_test(step->domain, evaluation, target);
  case OP_TO_TEXT:
    return run_to_text(step, evaluation, left, target);
  case OP_SUBQUERY:
    return run_subquery(step, evaluation, step->has_left ? left : NULL, target);
  default:
    return error_set(evaluation->error, SQLSTATE_INTERNAL_ERROR, "expression program has an unknown step");
  }
}

#define BINARY_OPERANDS                                                                             \
  const struct value *left = operand_value(&step->left, evaluation, registers);                     \
  const struct value *right = operand_value(&step->right, evaluation, registers);                   \
  struct value *target = &registers[step->target];                                                  \
  if (left->is_null || right->is_null) {                                                            \
    *target = value_null();                                                                         \
    break;                                                                                          \
  }

#define INTEGER_COMPARISON(operation, sign)                                                         \
  case operation: {                                                                                 \
    BINARY_OPERANDS                                                                                 \
    *target = value_boolean(left->integer sign right->integer);                                     \
    break;                                                                                          \
  }

#define UNARY_TEST(operation, test)                                                                 \
  case operation: {                                                                                 \
    const struct value *left = operand_value(&step->left, evaluation, registers);                   \
    registers[step->target] = value_boolean(test);                                                  \
    break;                                                                                          \
  }

static int run_steps(const struct program *program, struct evaluation *evaluation, struct value *registers)
{
  const struct program_step *steps = program->steps;
  int count = program->step_count;
  for (int at = 0; at < count;) {
    const struct program_step *step = &steps[at++];
    int status = STATUS_OK;
    switch ((enum operation)step->operation) {
    case OP_MOVE:
      registers[step->target] = *operand_value(&step->left, evaluation, registers);
      break;
    case OP_CALL:
    case OP_CALL_STRICT:
      status = run_call(step, evaluation, registers);
      break;
    case OP_JUMP:
      at = step->jump;
      break;
    case OP_JUMP_NOT_TRUE: {
      const struct value *left = operand_value(&step->left, evaluation, registers);
      if (left->is_null || !left->integer)
        at = step->jump;
      break;
    }
    case OP_JUMP_NOT_NULL:
      if (!operand_value(&step->left, evaluation, registers)->is_null)
        at = step->jump;
      break;
    case OP_AND: {
      const struct value *left = operand_value(&step->left, evaluation, registers);
      if (left->is_null || !left->integer)
        registers[step->target] = *left;
      if (!left->is_null && !left->integer)
        at = step->jump;
      break;
    }
    case OP_OR: {
      const struct value *left = operand_value(&step->left, evaluation, registers);
      if (left->is_null || left->integer)
        registers[step->target] = *left;
      if (!left->is_null && left->integer)
        at = step->jump;
      break;
    }
    case OP_NOT: {
      const struct value *left = operand_value(&step->left, evaluation, registers);
      registers[step->target] = left->is_null ? value_null() : value_boolean(!left->integer);
      break;
    }
      UNARY_TEST(OP_IS_NULL, left->is_null)
      UNARY_TEST(OP_IS_NOT_NULL, !left->is_null)
      UNARY_TEST(OP_IS_TRUE, !left->is_null && left->integer)
      UNARY_TEST(OP_IS_NOT_TRUE, left->is_null || !left->integer)
      UNARY_TEST(OP_IS_FALSE, !left->is_null && !left->integer)
      UNARY_TEST(OP_IS_NOT_FALSE, left->is_null || left->integer)
      INTEGER_COMPARISON(OP_INTEGER_EQ, ==)
      INTEGER_COMPARISON(OP_INTEGER_NE, !=)
      INTEGER_COMPARISON(OP_INTEGER_LT, <)
      INTEGER_COMPARISON(OP_INTEGER_LE, <=)
      INTEGER_COMPARISON(OP_INTEGER_GT, >)
      INTEGER_COMPARISON(OP_INTEGER_GE, >=)
    case OP_FLOAT_EQ:
    case OP_FLOAT_NE:
    case OP_FLOAT_LT:
    case OP_FLOAT_LE:
    case OP_FLOAT_GT:
    case OP_FLOAT_GE: {
      BINARY_OPERANDS
      *target = value_boolean(float_holds(step->operation, left->float8, right->float8));
      break;
    }
    case OP_INTEGER_ADD:
    case OP_INTEGER_SUBTRACT:
    case OP_INTEGER_MULTIPLY: {
      BINARY_OPERANDS
      int64_t out;
      if (!run_integer_arithmetic(step, left->integer, right->integer, &out))
        return run_arithmetic_error(step, evaluation);
      *target = value_integer(out);
      break;
    }
    case OP_FLOAT_ADD:
    case OP_FLOAT_SUBTRACT:
    case OP_FLOAT_MULTIPLY: {
      BINARY_OPERANDS
      double out;
      status = run_float_arithmetic(step, evaluation, left->float8, right->float8, &out);
      *target = value_float8(out);
      break;
    }
    default:
      status = run_rare(step, evaluation, registers, &at);
    }
    if (status != STATUS_OK)
      return status;
  }
  return STATUS_OK;
}

int program_run(const struct program *program, struct evaluation *evaluation, struct value *result)
{
  if (program->is_constant) {
    *result = program->constant;
    return STATUS_OK;
  }
  struct value local[REGISTERS_ON_STACK];
  struct value *registers = local;
  if (program->register_count > REGISTERS_ON_STACK) {
    registers = arena_alloc(evaluation->arena, sizeof *registers * (size_t)program->register_count);
    if (!registers)
      return error_memory(evaluation->error);
  }
  int status = run_steps(program, evaluation, registers);
  if (status == STATUS_OK)
    *result = registers[0];
  return status;
}

int program_test(const struct program *program, struct evaluation *evaluation, bool *holds)
{
  struct value result = {0};
  int status = program_run(program, evaluation, &result);
  *holds = status == STATUS_OK && !result.is_null && result.integer;
  return status;
}

// ---- compiling ----

struct compiler {
  struct arena *arena;
  struct error *error;
  struct program_step *steps;
  int count, capacity;
  int register_count;
};

static bool compile_node(struct compiler *compiler, const struct node *node, int target);

// NULL: out of memory, error set.
static struct program_step *emit(struct compiler *compiler, enum operation operation, int target)
{
  if (compiler->count == compiler->capacity) {
    int capacity = compiler->capacity ? compiler->capacity * 2 : 8;
    struct program_step *steps = ARENA_ARRAY(compiler->arena, struct program_step, capacity);
    if (!steps) {
      (void)!error_memory(compiler->error);
      return NULL;
    }
    if (compiler->count)
      memcpy(steps, compiler->steps, sizeof *steps * (size_t)compiler->count);
    compiler->steps = steps;
    compiler->capacity = capacity;
  }
  struct program_step *step = &compiler->steps[compiler->count++];
  *step = (struct program_step){.operation = (uint8_t)operation, .target = target};
  if (target >= compiler->register_count)
    compiler->register_count = target + 1;
  return step;
}

static struct operand operand_register(int number) { return (struct operand){.kind = OPERAND_REGISTER, .a = number}; }

// Where the node's value can be read: in place if it is a leaf, else computed into the register.
static bool compile_operand(struct compiler *compiler, const struct node *node, int target, struct operand *operand)
{
  switch (node->kind) {
  case NODE_CONSTANT:
    *operand = (struct operand){.kind = OPERAND_CONSTANT, .constant = &node->constant};
    return true;
  case NODE_COLUMN:
    *operand = (struct operand){.kind = OPERAND_COLUMN, .a = node->range, .column = node->column};
    return true;
  case NODE_PARAMETER:
    *operand = (struct operand){.kind = OPERAND_PARAMETER, .a = node->parameter};
    return true;
  default:
    *operand = operand_register(target);
    return compile_node(compiler, node, target);
  }
}

static bool is_plain_integer(enum type_id type)
{
  return type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

// The fast step that does what the function does; -1: there is none.
static int fast_operation(const struct function *function)
{
  static const struct {
    const char *name;
    int integer, float8;
    bool is_comparison;
  } shapes[] = {
      {"=", OP_INTEGER_EQ, OP_FLOAT_EQ, true},   {"<>", OP_INTEGER_NE, OP_FLOAT_NE, true},
      {"<", OP_INTEGER_LT, OP_FLOAT_LT, true},   {"<=", OP_INTEGER_LE, OP_FLOAT_LE, true},
      {">", OP_INTEGER_GT, OP_FLOAT_GT, true},   {">=", OP_INTEGER_GE, OP_FLOAT_GE, true},
      {"+", OP_INTEGER_ADD, OP_FLOAT_ADD, false}, {"-", OP_INTEGER_SUBTRACT, OP_FLOAT_SUBTRACT, false},
      {"*", OP_INTEGER_MULTIPLY, OP_FLOAT_MULTIPLY, false},
  };
  if (!function->is_operator || function->argument_count != 2)
    return -1;
  enum type_id left = function->arguments[0], right = function->arguments[1];
  if (type_is_pseudo(left) || type_is_pseudo(right))
    return -1;
  bool integers = is_plain_integer(left) && is_plain_integer(right);
  bool same_storage = left == right && type_info(left)->storage == STORAGE_INTEGER;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    if (strcmp(function->name, shapes[i].name) != 0)
      continue;
    if (left == TYPE_FLOAT8 && right == TYPE_FLOAT8)
      return shapes[i].float8;
    return integers || (shapes[i].is_comparison && same_storage) ? shapes[i].integer : -1;
  }
  return -1;
}

static bool compile_call(struct compiler *compiler, const struct node *node, int target)
{
  const struct function *function = node->function;
  int fast = fast_operation(function);
  if (fast >= 0) {
    struct operand left, right;
    if (!compile_operand(compiler, node->arguments[0], target, &left) ||
        !compile_operand(compiler, node->arguments[1], target + 1, &right))
      return false;
    struct program_step *step = emit(compiler, (enum operation)fast, target);
    if (!step)
      return false;
    step->type = function->result;
    step->left = left;
    step->right = right;
    return true;
  }
  int fixed = function->argument_count < 0 ? -function->argument_count - 1 : function->argument_count;
  enum type_id *types = NULL;
  if (function->takes_types && !(types = ARENA_ARRAY(compiler->arena, enum type_id, node->argument_count + 1))) {
    (void)!error_memory(compiler->error);
    return false;
  }
  for (int i = 0; i < node->argument_count; i++) {
    if (types)
      types[i] = node->arguments[i]->type.id;
    const struct node *argument = node->arguments[i];
    if (!compile_node(compiler, argument, target + i))
      return false;
    bool any = !function->takes_types && type_is_pseudo(function->arguments[i < fixed ? i : fixed]);
    enum type_id id = argument->type.id;
    bool is_spread = node->negated && i + 1 == node->argument_count;
    if (any && !is_spread && id != TYPE_TEXT && id != TYPE_VARCHAR && id != TYPE_UNKNOWN) {
      struct program_step *step = emit(compiler, OP_TO_TEXT, target + i);
      if (!step)
        return false;
      step->type = id;
      step->left = operand_register(target + i);
    }
  }
  struct program_step *step = emit(compiler, function->called_on_null ? OP_CALL : OP_CALL_STRICT, target);
  if (!step)
    return false;
  step->function = function;
  step->spread = node->negated ? node->arguments[node->argument_count - 1]->type.id : TYPE_UNKNOWN;
  step->type = node->type.id;
  step->types = types;
  step->user_types = node->types;
  step->first = target;
  step->count = node->argument_count;
  return true;
}

// AND, OR, COALESCE, GREATEST, LEAST: the first argument into the target, each other one merged into it.
static bool compile_chain(struct compiler *compiler, const struct node *node, int target)
{
  int first_jump = compiler->count;
  enum operation merge = node->kind == NODE_AND        ? OP_AND
                         : node->kind == NODE_OR       ? OP_OR
                         : node->kind == NODE_GREATEST ? OP_GREATEST
                         : node->kind == NODE_LEAST    ? OP_LEAST
                                                       : OP_JUMP_NOT_NULL;
  for (int i = 0; i < node->argument_count; i++) {
    bool in_place = i == 0 || merge == OP_JUMP_NOT_NULL;
    struct operand operand = operand_register(target);
    if (in_place ? !compile_node(compiler, node->arguments[i], target)
                 : !compile_operand(compiler, node->arguments[i], target + 1, &operand))
      return false;
    if (i == 0 && (merge == OP_GREATEST || merge == OP_LEAST))
      continue;
    struct program_step *step = emit(compiler, merge, target);
    if (!step)
      return false;
    step->left = operand;
    step->type = node->arguments[0]->type.id;
    step->jump = -1;
  }
  for (int i = first_jump; i < compiler->count; i++) // inner nodes have set theirs already
    if (compiler->steps[i].operation == merge && compiler->steps[i].jump == -1)
      compiler->steps[i].jump = compiler->count;
  return true;
}

static bool compile_case(struct compiler *compiler, const struct node *node, int target)
{
  int start = compiler->count;
  int last = node->argument_count - 1;
  for (int i = 0; i + 1 <= last; i += 2) {
    struct operand condition;
    if (!compile_operand(compiler, node->arguments[i], target, &condition))
      return false;
    struct program_step *skip = emit(compiler, OP_JUMP_NOT_TRUE, target);
    if (!skip)
      return false;
    skip->left = condition;
    int skip_at = compiler->count - 1;
    if (!compile_node(compiler, node->arguments[i + 1], target))
      return false;
    struct program_step *leave = emit(compiler, OP_JUMP, target);
    if (!leave)
      return false;
    leave->jump = -1;
    compiler->steps[skip_at].jump = compiler->count;
  }
  if (!compile_node(compiler, node->arguments[last], target))
    return false;
  for (int i = start; i < compiler->count; i++)
    if (compiler->steps[i].operation == OP_JUMP && compiler->steps[i].jump == -1)
      compiler->steps[i].jump = compiler->count;
  return true;
}

// A list of constants: one step that searches them.
static bool compile_in_set(struct compiler *compiler, const struct node *node, int target)
{
  int count = 0;
  bool has_null = false;
  struct value *set = ARENA_ARRAY(compiler->arena, struct value, node->argument_count);
  if (!set) {
    (void)!error_memory(compiler->error);
    return false;
  }
  for (int i = 1; i < node->argument_count; i++) {
    if (node->arguments[i]->constant.is_null)
      has_null = true;
    else
      set[count++] = node->arguments[i]->constant;
  }
  enum type_id type = node->arguments[0]->type.id;
  values_sort(type, set, count);
  struct operand left;
  if (!compile_operand(compiler, node->arguments[0], target, &left))
    return false;
  struct program_step *step = emit(compiler, OP_IN_SET, target);
  if (!step)
    return false;
  step->left = left;
  step->type = type;
  step->negated = node->negated;
  step->set = set;
  step->set_count = count;
  step->set_has_null = has_null;
  return true;
}

// = ANY (array), <> ALL (array) and their like.
static bool compile_array_test(struct compiler *compiler, const struct node *node, int target)
{
  enum type_id *types = ARENA_ARRAY(compiler->arena, enum type_id, 2);
  if (!types) {
    (void)!error_memory(compiler->error);
    return false;
  }
  if (!compile_node(compiler, node->arguments[0], target) || !compile_node(compiler, node->arguments[1], target + 1))
    return false;
  types[0] = node->arguments[0]->type.id;
  types[1] = type_element(node->arguments[1]->type.id);
  struct program_step *step = emit(compiler, OP_ARRAY_TEST, target);
  if (!step)
    return false;
  step->function = node->function;
  step->types = types;
  step->type = node->arguments[1]->type.id;
  step->negated = node->negated;
  step->first = target;
  step->count = 2;
  return true;
}

static const struct value value_false = {.integer = 0};

static bool compile_in_list(struct compiler *compiler, const struct node *node, int target)
{
  bool constants = true;
  for (int i = 1; i < node->argument_count; i++)
    constants = constants && node->arguments[i]->kind == NODE_CONSTANT;
  if (constants)
    return compile_in_set(compiler, node, target);
  if (!compile_node(compiler, node->arguments[0], target + 1))
    return false;
  struct program_step *step = emit(compiler, OP_MOVE, target);
  if (!step)
    return false;
  step->left = (struct operand){.kind = OPERAND_CONSTANT, .constant = &value_false};
  int start = compiler->count;
  for (int i = 1; i < node->argument_count; i++) {
    struct operand operand;
    if (!compile_operand(compiler, node->arguments[i], target + 2, &operand) ||
        !(step = emit(compiler, OP_IN, target)))
      return false;
    step->left = operand;
    step->type = node->arguments[0]->type.id;
    step->jump = -1;
  }
  for (int i = start; i < compiler->count; i++)
    if (compiler->steps[i].operation == OP_IN && compiler->steps[i].jump == -1)
      compiler->steps[i].jump = compiler->count;
  if (node->negated) {
    if (!(step = emit(compiler, OP_NOT, target)))
      return false;
    step->left = operand_register(target);
  }
  return true;
}

static bool compile_tests(struct compiler *compiler, const struct node *node, enum operation operation, int target)
{
  struct operand left, right = {0};
  if (!compile_operand(compiler, node->arguments[0], target, &left))
    return false;
  if (node->argument_count > 1 && !compile_operand(compiler, node->arguments[1], target + 1, &right))
    return false;
  struct program_step *step = emit(compiler, operation, target);
  if (!step)
    return false;
  step->left = left;
  step->right = right;
  step->type = node->arguments[0]->type.id;
  return true;
}

static bool compile_subquery(struct compiler *compiler, const struct node *node, int target)
{
  struct operand left = {0};
  if (node->argument_count > 0 && !compile_operand(compiler, node->arguments[0], target, &left))
    return false;
  struct program_step *step = emit(compiler, OP_SUBQUERY, target);
  if (!step)
    return false;
  step->left = node->argument_count > 0 ? left : operand_register(target);
  step->negated = node->negated;
  step->subquery_kind = node->subquery_kind;
  step->subquery = node->subquery;
  step->has_left = node->argument_count > 0;
  return true;
}

static bool compile_domain(struct compiler *compiler, const struct node *node, int target)
{
  struct operand value;
  if (!compile_operand(compiler, node->arguments[0], target, &value))
    return false;
  struct program_step *step = emit(compiler, OP_DOMAIN, target);
  if (!step)
    return false;
  step->left = value;
  step->type = node->type.id;
  step->domain = node->domain;
  return true;
}

static bool compile_node(struct compiler *compiler, const struct node *node, int target)
{
  switch (node->kind) {
  case NODE_CONSTANT:
  case NODE_PARAMETER:
  case NODE_COLUMN: {
    struct program_step *step = emit(compiler, OP_MOVE, target);
    return step && compile_operand(compiler, node, target, &step->left);
  }
  case NODE_CALL:
    return compile_call(compiler, node, target);
  case NODE_AND:
  case NODE_OR:
  case NODE_COALESCE:
  case NODE_GREATEST:
  case NODE_LEAST:
    return compile_chain(compiler, node, target);
  case NODE_NOT:
    return compile_tests(compiler, node, OP_NOT, target);
  case NODE_IS_NULL:
  case NODE_IS_UNKNOWN:
    return compile_tests(compiler, node, node->negated ? OP_IS_NOT_NULL : OP_IS_NULL, target);
  case NODE_IS_TRUE:
    return compile_tests(compiler, node, node->negated ? OP_IS_NOT_TRUE : OP_IS_TRUE, target);
  case NODE_IS_FALSE:
    return compile_tests(compiler, node, node->negated ? OP_IS_NOT_FALSE : OP_IS_FALSE, target);
  case NODE_DISTINCT:
    return compile_tests(compiler, node, node->negated ? OP_NOT_DISTINCT : OP_DISTINCT, target);
  case NODE_NULLIF:
    return compile_tests(compiler, node, OP_NULLIF, target);
  case NODE_CASE:
    return compile_case(compiler, node, target);
  case NODE_IN_LIST:
    return compile_in_list(compiler, node, target);
  case NODE_ARRAY_TEST:
    return compile_array_test(compiler, node, target);
  case NODE_DOMAIN:
    return compile_domain(compiler, node, target);
  case NODE_SUBQUERY:
    return compile_subquery(compiler, node, target);
  }
  (void)!error_set(compiler->error, SQLSTATE_INTERNAL_ERROR, "expression has an unknown node");
  return false;
}

// ---- simplifying ----

static bool is_constant(const struct node *node) { return node->kind == NODE_CONSTANT; }
static bool is_truth(const struct node *node, bool truth)
{
  return is_constant(node) && !node->constant.is_null && (node->constant.integer != 0) == truth;
}

static struct program *compile_simple(const struct node *node, struct arena *arena, struct error *error)
{
  struct compiler compiler = {.arena = arena, .error = error};
  struct program *program = ARENA_NEW(arena, struct program);
  if (!program) {
    (void)!error_memory(error);
    return NULL;
  }
  program->type = node->type;
  if (is_constant(node)) {
    program->is_constant = true;
    program->constant = node->constant;
    return program;
  }
  if (!compile_node(&compiler, node, 0))
    return NULL;
  program->steps = compiler.steps;
  program->step_count = compiler.count;
  program->register_count = compiler.register_count;
  return program;
}

// A node over constants: its value as a constant node, or the node itself if it fails, may not be computed now, or has
// a value too large for a plan to keep.
static const struct node *compute(const struct node *node, struct arena *arena, struct error *error)
{
  struct error ignored = {0};
  const struct program *program = compile_simple(node, arena, error);
  if (!program)
    return NULL;
  struct memory_account account = {.limit = LIMIT_FOLDED};
  struct arena scratch;
  arena_init(&scratch, &account);
  struct evaluation evaluation = {.arena = &scratch, .settings = &format_settings_default, .error = &ignored};
  struct value value = {0};
  if (program_run(program, &evaluation, &value) == STATUS_OK) {
    struct node *constant = NULL;
    if (value.is_null || value_copy(node->type.id, &value, arena))
      constant = node_constant(arena, node->type, value, node->position);
    if (!constant)
      (void)!error_memory(error);
    node = constant;
  }
  arena_deinit(&scratch);
  return node;
}

static bool may_compute(const struct node *node)
{
  if (node->kind == NODE_PARAMETER || node->kind == NODE_COLUMN || node->kind == NODE_SUBQUERY ||
      node->kind == NODE_DOMAIN)
    return false;
  if (node->kind == NODE_CALL || node->kind == NODE_ARRAY_TEST) {
    if (node->function->volatility != FUNCTION_PURE)
      return false;
    for (int i = 0; i < node->argument_count; i++) // its text form depends on the session
      if (node->arguments[i]->type.id == TYPE_TIMESTAMPTZ && node->function->result == TYPE_TEXT)
        return false;
  }
  for (int i = 0; i < node->argument_count; i++)
    if (!is_constant(node->arguments[i]))
      return false;
  return true;
}

// AND, OR: drops what cannot matter. CASE: conditions that are known; COALESCE: what stands behind a constant.
static void drop_known(struct node *node)
{
  int count = 0;
  if (node->kind == NODE_AND || node->kind == NODE_OR) {
    bool decisive = node->kind == NODE_OR;
    for (int i = 0; i < node->argument_count; i++) {
      if (is_truth(node->arguments[i], decisive)) {
        node->arguments[0] = node->arguments[i];
        node->argument_count = 1;
        return;
      }
      if (!is_truth(node->arguments[i], !decisive) || (count == 0 && i == node->argument_count - 1))
        node->arguments[count++] = node->arguments[i];
    }
    node->argument_count = count;
  } else if (node->kind == NODE_CASE) {
    int last = node->argument_count - 1;
    for (int i = 0; i < last; i += 2) {
      if (is_truth(node->arguments[i], true)) {
        last = i + 1;
        break;
      }
      if (is_constant(node->arguments[i]))
        continue;
      struct node *condition = node->arguments[i], *then = node->arguments[i + 1];
      node->arguments[count++] = condition;
      node->arguments[count++] = then;
    }
    node->arguments[count++] = node->arguments[last];
    node->argument_count = count;
  } else if (node->kind == NODE_COALESCE) {
    for (int i = 0; i < node->argument_count; i++) {
      bool constant = is_constant(node->arguments[i]);
      if (constant && node->arguments[i]->constant.is_null && (i < node->argument_count - 1 || count > 0))
        continue;
      node->arguments[count++] = node->arguments[i];
      if (constant)
        break;
    }
    node->argument_count = count;
  }
}

static bool is_selective(enum node_kind kind)
{
  return kind == NODE_AND || kind == NODE_OR || kind == NODE_CASE || kind == NODE_COALESCE;
}

// NULL: out of memory, error set.
static const struct node *simplify(const struct node *node, struct arena *arena, struct error *error)
{
  if (node->argument_count == 0)
    return may_compute(node) && !is_constant(node) ? compute(node, arena, error) : node;
  struct node *copy = node_new(arena, node->kind, node->type, node->position, node->arguments, node->argument_count);
  if (!copy) {
    (void)!error_memory(error);
    return NULL;
  }
  struct node **arguments = copy->arguments;
  *copy = *node;
  copy->arguments = arguments;
  for (int i = 0; i < copy->argument_count; i++) {
    const struct node *simple = simplify(copy->arguments[i], arena, error);
    if (!simple)
      return NULL;
    copy->arguments[i] = (struct node *)simple;
  }
  if (is_selective(copy->kind)) {
    drop_known(copy);
    if (copy->argument_count == 1)
      return copy->arguments[0];
  }
  return may_compute(copy) ? compute(copy, arena, error) : copy;
}

struct program *program_compile(const struct node *node, struct arena *arena, struct error *error)
{
  const struct node *simple = simplify(node, arena, error);
  struct program *program = simple ? compile_simple(simple, arena, error) : NULL;
  if (program)
    program->type = node->type;
  return program;
}
