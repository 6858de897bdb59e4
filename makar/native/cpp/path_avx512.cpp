#include "lanes_avx512.h"
#include "picture.h"

const makar::Path makar::avx512_path = {kMaxQueries, step, multiply, multiply_bytes, draw};
