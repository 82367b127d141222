#include "expr/tables.h"
const struct function math_functions[] = {{0}};
