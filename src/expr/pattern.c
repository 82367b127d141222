#include "expr/tables.h"
const struct function pattern_functions[] = {{0}};
