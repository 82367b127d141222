#include "expr/tables.h"
const struct function match_functions[] = {{0}};
