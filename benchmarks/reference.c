/* The arithmetic of lt2f's kernels in C, operation by operation: the limit they are held against.

   Each function does to the same state array what the kernel of its name does (lt2f/dynamics), to
   the last bit: products that a kernel fuses by name are fused here, and the compiler fuses no
   others (-ffp-contract=off). Rows of the state and constants come in as macros (ROW_U, SPAN, ...)
   that reference.py takes from the kernels. Lanes go in blocks of a few vectors that stay in
   registers; the widths at the end were chosen by trying. */

#include <math.h>
#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))
#define EACH _Pragma("GCC unroll 16") for (int k = 0; k < width; k++)
#define WIDEST 16

/* Vectors of this machine, and the few operations that C has no operator for. `fused` is xy + z and
   `without` z - xy, each rounded once: the compiler does not always see the second in the first. */

#if defined __AVX512F__ && defined __AVX512DQ__
#include <immintrin.h>
#define LANES 8
typedef __m512d vec;
typedef __mmask8 mask;
INLINE vec all(double x) { return _mm512_set1_pd(x); }
INLINE vec fused(vec x, vec y, vec z) { return _mm512_fmadd_pd(x, y, z); }
INLINE vec without(vec x, vec y, vec z) { return _mm512_fnmadd_pd(x, y, z); }
INLINE vec larger(vec x, vec y) { return _mm512_max_pd(y, x); }
INLINE vec smaller(vec x, vec y) { return _mm512_min_pd(y, x); }
INLINE vec size_of(vec x) { return _mm512_abs_pd(x); }
INLINE mask below(vec x, vec y) { return _mm512_cmp_pd_mask(x, y, _CMP_LT_OQ); }
INLINE mask at_most(vec x, vec y) { return _mm512_cmp_pd_mask(x, y, _CMP_LE_OQ); }
INLINE mask equal(vec x, vec y) { return _mm512_cmp_pd_mask(x, y, _CMP_EQ_OQ); }
INLINE vec choose(mask m, vec x, vec y) { return _mm512_mask_blend_pd(m, y, x); }
INLINE mask both(mask m, mask o) { return m & o; }
INLINE mask either(mask m, mask o) { return m | o; }
INLINE mask not(mask m) { return (mask)~m; }
INLINE int any(mask m) { return m != 0; }
#elif defined __AVX2__ && defined __FMA__
#include <immintrin.h>
#define LANES 4
typedef __m256d vec;
typedef __m256d mask;
INLINE vec all(double x) { return _mm256_set1_pd(x); }
INLINE vec fused(vec x, vec y, vec z) { return _mm256_fmadd_pd(x, y, z); }
INLINE vec without(vec x, vec y, vec z) { return _mm256_fnmadd_pd(x, y, z); }
INLINE vec larger(vec x, vec y) { return _mm256_max_pd(y, x); }
INLINE vec smaller(vec x, vec y) { return _mm256_min_pd(y, x); }
INLINE vec size_of(vec x) { return _mm256_andnot_pd(all(-0.0), x); }
INLINE mask below(vec x, vec y) { return _mm256_cmp_pd(x, y, _CMP_LT_OQ); }
INLINE mask at_most(vec x, vec y) { return _mm256_cmp_pd(x, y, _CMP_LE_OQ); }
INLINE mask equal(vec x, vec y) { return _mm256_cmp_pd(x, y, _CMP_EQ_OQ); }
INLINE vec choose(mask m, vec x, vec y) { return _mm256_blendv_pd(y, x, m); }
INLINE mask both(mask m, mask o) { return _mm256_and_pd(m, o); }
INLINE mask either(mask m, mask o) { return _mm256_or_pd(m, o); }
INLINE mask not(mask m) { return _mm256_xor_pd(m, _mm256_cmp_pd(m, m, _CMP_TRUE_UQ)); }
INLINE int any(mask m) { return _mm256_movemask_pd(m) != 0; }
#else /* vectors of two; lane by lane where there is no operator */
#define LANES 2
typedef double vec __attribute__((vector_size(16)));
typedef long long mask __attribute__((vector_size(16)));
INLINE vec all(double x) { return (vec){x, x}; }
INLINE vec fused(vec x, vec y, vec z) {
  return (vec){fma(x[0], y[0], z[0]), fma(x[1], y[1], z[1])};
}
INLINE vec without(vec x, vec y, vec z) { return fused(-x, y, z); }
INLINE vec choose(mask m, vec x, vec y) { return (vec)((m & (mask)x) | (~m & (mask)y)); }
INLINE vec larger(vec x, vec y) { return choose(y > x, y, x); }
INLINE vec smaller(vec x, vec y) { return choose(y < x, y, x); }
INLINE vec size_of(vec x) { return (vec)((mask)x & ~(mask)all(-0.0)); }
INLINE mask below(vec x, vec y) { return x < y; }
INLINE mask at_most(vec x, vec y) { return x <= y; }
INLINE mask equal(vec x, vec y) { return x == y; }
INLINE mask both(mask m, mask o) { return m & o; }
INLINE mask either(mask m, mask o) { return m | o; }
INLINE mask not(mask m) { return ~m; }
INLINE int any(mask m) { return (m[0] | m[1]) != 0; }
#endif

typedef vec loose __attribute__((aligned(8), may_alias));
INLINE vec load(const double *from) { return *(const loose *)from; }
INLINE void store(double *to, vec x) { *(loose *)to = x; }

typedef unsigned long long bits __attribute__((vector_size(8 * LANES)));

/* lt2f/dynamics/model.py */

enum { QUIET, MULTIPLICATIVE, TARGET };

INLINE vec residual(vec u, vec v, vec mu) { return fused(u, u, -fused(v, v, mu)); }
INLINE vec half_norm(vec u, vec v) { return fused(u, u, v * v); }

INLINE void draw(int model, vec e, vec amplitude, vec x, vec *r, vec *h) {
  *r = e, *h = all(1.0);
  if (model == MULTIPLICATIVE) *h = fused(amplitude, x, all(1.0)), *r = *h * e;
  if (model == TARGET) *r = without(amplitude, x, e);
}

INLINE vec growth(vec u, vec v, vec mu, vec e, vec r, vec h) {
  vec less = fused(all(-4.0), fused(v, v, mu), 2.0 * mu);
  return fused(h, fused(r, e + mu, fused(all(-2.0), residual(u, v, mu), less)), all(1.0));
}

INLINE vec carried(vec e, vec previous) {
  return choose(below(size_of(previous), all(CARRIED)), previous, e);
}

INLINE vec loss_rise(vec e, vec ab, vec n) {
  return without(e, ab, fused(all(2.0), n, all(-2.0)));
}

INLINE vec determinant(vec r, vec hab, vec hn) {
  return without(r, fused(all(2.0), hab, r), fused(all(-2.0), hn, all(1.0)));
}

INLINE void tangent(vec u, vec v, vec *x, vec *y, vec r, vec h) {
  vec dr = all(2.0) * h * fused(u, *x, -(v * *y));
  *x = without(u, dr, without(r, *x, *x));
  *y = fused(v, dr, fused(r, *y, *y));
}

INLINE vec exponent(vec x) {
  return (vec)(((bits)x >> 52 & 0x7FF) | UNITS) - (0x1p52 + 1023.0);
}

INLINE vec power_of_two(vec k) { return (vec)((bits)(k + (0x1p52 + 1023.0)) << 52); }

/* Kernels scale every lane by a factor that mostly is one. Here a test may pass those by, which is
   faster where a block has few other rows. */

INLINE void lift(int test, vec *value, vec *lift) {
  mask small = below(size_of(*value), all(0x1p-150)), lifted = below(all(0.0), *lift);
  if (!test || __builtin_expect(any(either(small, lifted)), 0)) {
    vec change = larger(larger(-150.0 - exponent(*value), -*lift), all(-1000.0));
    *value *= power_of_two(change), *lift += change;
  }
}

INLINE vec rescaling(vec size, vec *strides) {
  mask small = below(size, all(TINY)), large = below(all(LARGE), size);
  *strides += choose(small, all(-1.0), choose(large, all(1.0), all(0.0)));
  return choose(small, all(STRIDE), choose(large, all(1.0 / STRIDE), all(1.0)));
}

/* lt2f/dynamics/kernels.py. A state has rows of n lanes, n a multiple of 64. */

#define AT(name, k) (state + (ROW_##name) * n + first + (k) * LANES)
#define FETCH(row, name) EACH s->row[k] = load(AT(name, k))
#define PUT(row, name) EACH store(AT(name, k), s->row[k])
#define BLOCKS for (size_t first = 0; first < n; first += (size_t)width * LANES)

/* A block of lanes; the compiler drops the rows that a kernel does not use. */
struct lanes {
  vec u[WIDEST], v[WIDEST], e[WIDEST], mu[WIDEST], amplitude[WIDEST];
  vec u_lift[WIDEST], v_lift[WIDEST], e_lift[WIDEST];
  vec peak[WIDEST], rise[WIDEST], last[WIDEST], escaped[WIDEST];
  vec mark_u[WIDEST], mark_v[WIDEST], mark_e[WIDEST], mark_step[WIDEST];
  vec x[WIDEST], y[WIDEST], det[WIDEST], sum_n[WIDEST], sum_e2[WIDEST];
  vec sum_u[WIDEST], sum_v[WIDEST];
  vec x_strides[WIDEST], det_strides[WIDEST], log_x[WIDEST], log_v[WIDEST], lift_then[WIDEST];
  vec log_end[WIDEST], products[WIDEST][RATES];
  vec rate_first[WIDEST][RATES], sum[WIDEST][RATES], squares[WIDEST][RATES];
  vec span_peak[WIDEST], span_rise[WIDEST], span_u[WIDEST], span_v[WIDEST], span_e[WIDEST];
};

INLINE void fetch(int model, int width, struct lanes *s, const double *state, size_t n,
                  size_t first) {
  FETCH(u, U); FETCH(v, V); FETCH(mu, MU); FETCH(u_lift, U_LIFT); FETCH(v_lift, V_LIFT);
  if (model != QUIET) { FETCH(amplitude, AMPLITUDE); }
  if (model == MULTIPLICATIVE) { FETCH(e, E); FETCH(e_lift, E_LIFT); }
}

INLINE void put(int model, int width, struct lanes *s, double *state, size_t n, size_t first) {
  PUT(u, U); PUT(v, V); PUT(u_lift, U_LIFT); PUT(v_lift, V_LIFT);
  if (model == MULTIPLICATIVE) { PUT(e, E); PUT(e_lift, E_LIFT); }
}

INLINE void fetch_tracked(int width, struct lanes *s, const double *state, size_t n, size_t first) {
  FETCH(peak, PEAK); FETCH(rise, RISE); FETCH(last, LAST); FETCH(escaped, ESCAPED);
  FETCH(mark_u, MARK_U); FETCH(mark_v, MARK_V); FETCH(mark_e, MARK_E); FETCH(mark_step, MARK_STEP);
}

INLINE void put_tracked(int width, struct lanes *s, double *state, size_t n, size_t first) {
  PUT(peak, PEAK); PUT(rise, RISE); PUT(last, LAST); PUT(escaped, ESCAPED);
  PUT(mark_u, MARK_U); PUT(mark_v, MARK_V); PUT(mark_e, MARK_E); PUT(mark_step, MARK_STEP);
}

struct step { /* what else is to be known of one step of one vector */
  vec u, v, e, r, h, n, growth;
};

/* Take a step of vector k; the compiler drops what the caller does not look at. */
INLINE struct step advance(int model, struct lanes *s, int k, vec x) {
  struct step now = {.u = s->u[k], .v = s->v[k]};
  now.n = half_norm(now.u, now.v);
  now.e = residual(now.u, now.v, s->mu[k]);
  if (model == MULTIPLICATIVE) now.e = carried(now.e, s->e[k]);
  draw(model, now.e, s->amplitude[k], x, &now.r, &now.h);
  now.growth = growth(now.u, now.v, s->mu[k], now.e, now.r, now.h);
  if (model == MULTIPLICATIVE) s->e[k] = now.e * now.growth;
  s->u[k] = without(now.u, now.r, now.u), s->v[k] = fused(now.v, now.r, now.v);
  return now;
}

INLINE vec number(int model, const double *noise, size_t t) {
  return model == QUIET ? all(0.0) : all(noise[t]);
}

INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

INLINE void lift_all(int model, int width, struct lanes *s, int test) {
  EACH {
    lift(test, &s->u[k], &s->u_lift[k]), lift(test, &s->v[k], &s->v_lift[k]);
    if (model == MULTIPLICATIVE) lift(test, &s->e[k], &s->e_lift[k]);
  }
}

INLINE void iterate(int model, int width, double *state, size_t n, size_t steps, size_t start,
                    const double *noise) {
  size_t stretch = model == MULTIPLICATIVE ? SPAN : STRETCH, end = start + steps;
  BLOCKS {
    struct lanes s[1];
    fetch(model, width, s, state, n, first);
    for (size_t from = start; from < end; from += stretch) {
      for (size_t t = from; t < least(from + stretch, end); t++) {
        vec x = number(model, noise, t);
        EACH advance(model, s, k, x);
      }
      lift_all(model, width, s, 1);
    }
    put(model, width, s, state, n, first);
  }
}

INLINE void begin_span(int model, int width, struct lanes *s) {
  EACH {
    s->span_peak[k] = all(0.0), s->span_rise[k] = all(-INFINITY);
    s->span_u[k] = s->u[k], s->span_v[k] = s->v[k];
    if (model == MULTIPLICATIVE) s->span_e[k] = s->e[k];
  }
}

INLINE void track(int model, struct lanes *s, int k, vec loss, vec excess, vec growth) {
  if (model == MULTIPLICATIVE)
    excess = smaller(fused(growth, growth, all(-NOISE_RISE)), loss - CONVERGED);
  if (model == TARGET) {
    mask counts = below(all(CONVERGED), s->last[k]);
    excess = choose(counts, fused(all(-NOISE_RISE), s->last[k], loss), all(-INFINITY));
    s->last[k] = loss;
  }
  s->span_peak[k] = larger(s->span_peak[k], loss);
  s->span_rise[k] = larger(s->span_rise[k], excess);
}

INLINE void end_span(int model, int width, struct lanes *s, double step, int test) {
  EACH {
    vec escaped = s->escaped[k], risen = s->rise[k];
    mask in = at_most(all(2.0) * half_norm(s->u[k], s->v[k]), all(ESCAPE_SQUARED));
    mask loud = below(all(CONVERGED), s->span_peak[k]);
    mask mark = both(equal(escaped, all(0.0)), either(not(in), loud));
    s->mark_u[k] = choose(mark, s->span_u[k], s->mark_u[k]);
    s->mark_v[k] = choose(mark, s->span_v[k], s->mark_v[k]);
    s->mark_step[k] = choose(mark, all(step), s->mark_step[k]);
    if (model == MULTIPLICATIVE) s->mark_e[k] = choose(mark, s->span_e[k], s->mark_e[k]);
    s->peak[k] = larger(s->peak[k], s->span_peak[k]);
    s->rise[k] = choose(loud, larger(risen, s->span_rise[k]), risen);
    s->escaped[k] = choose(in, escaped, all(1.0));
    vec rest = all(0x1p-53) * smaller(size_of(s->span_v[k]), all(0x1p-60));
    s->v[k] = choose(equal(s->v[k], all(0.0)), rest, s->v[k]);
  }
  lift_all(model, width, s, test);
}

INLINE void settle(int model, int width, double *state, size_t n, size_t steps, size_t start,
                   const double *noise) {
  BLOCKS {
    struct lanes s[1];
    fetch(model, width, s, state, n, first), fetch_tracked(width, s, state, n, first);
    for (size_t from = start; from < start + steps; from += SPAN) {
      begin_span(model, width, s);
      for (size_t t = from; t < least(from + SPAN, start + steps); t++) {
        vec x = number(model, noise, t);
        EACH {
          struct step now = advance(model, s, k, x);
          vec rise = loss_rise(now.e, now.e + s->mu[k], now.n);
          track(model, s, k, now.e * now.e, rise, now.growth);
        }
      }
      end_span(model, width, s, (double)from, 1);
    }
    put(model, width, s, state, n, first), put_tracked(width, s, state, n, first);
  }
}

/* lt2f/dynamics/rates.py */

INLINE vec logarithm(vec x) {
  mask tiny = below(x, all(0x1p-1022));
  vec scaled = choose(tiny, x * 0x1p54, x);
  vec k = exponent(scaled) - choose(tiny, all(54.0), all(0.0));
  vec m = (vec)(((bits)scaled & MANTISSA) | ONE);
  mask large = below(all(ROOT_2), m);
  m = choose(large, 0.5 * m, m), k = choose(large, k + 1.0, k);
  vec s = (m - 1.0) / (m + 1.0), z = s * s, series = all(1.0 / 23.0);
  _Pragma("GCC unroll 10") for (int n = 21; n > 1; n -= 2) series = fused(series, z, all(1.0 / n));
  vec rest = fused(2.0 * s * z, series, k * LOG_2_LOW);
  vec value = fused(k, all(LOG_2_HIGH), fused(all(2.0), s, rest));
  value = choose(below(x, all(INFINITY)), value, x);
  return choose(equal(x, all(0.0)), all(-INFINITY), value);
}

INLINE vec log_length(vec x, vec y) { return 0.5 * logarithm(fused(x, x, y * y)); }

INLINE vec log_ends(vec u, vec mu) { return logarithm(size_of(without(u, u, 2.0 + mu))); }

INLINE void forget(int width, struct lanes *s) {
  EACH {
    s->x_strides[k] = s->det_strides[k] = s->sum_n[k] = s->sum_e2[k] = all(0.0);
    s->sum_u[k] = s->sum_v[k] = all(0.0);
    s->det[k] = all(1.0);
  }
}

INLINE void begin(int width, struct lanes *s) {
  EACH {
    s->log_x[k] = log_length(s->x[k], s->y[k]), s->log_v[k] = logarithm(size_of(s->v[k]));
    s->lift_then[k] = s->v_lift[k], s->log_end[k] = log_ends(s->u[k], s->mu[k]);
    for (int i = 0; i < RATES; i++)
      s->sum[k][i] = s->squares[k][i] = s->products[k][i] = s->rate_first[k][i] = all(0.0);
  }
  forget(width, s);
}

/* End a block, and begin the next one where it ends. */
INLINE void end(int width, struct lanes *s, double steps, int first, double weight) {
  EACH {
    vec log_x = log_length(s->x[k], s->y[k]), log_v = logarithm(size_of(s->v[k]));
    vec log_end = log_ends(s->u[k], s->mu[k]);
    vec along = fused(all(LOG_STRIDE), s->x_strides[k], log_x - s->log_x[k]);
    vec volume = fused(all(LOG_STRIDE), s->det_strides[k], logarithm(size_of(s->det[k])));
    vec across = fused(all(-LOG_2), s->v_lift[k] - s->lift_then[k], log_v - s->log_v[k]);
    vec rates[RATES] = {along, volume - along, across, s->sum_n[k], s->sum_e2[k],
                        s->sum_u[k] + s->sum_v[k], s->sum_u[k] - s->sum_v[k]};
    rates[END] = log_end - s->log_end[k];
    vec end_change = rates[END] / steps - s->rate_first[k][END];
    _Pragma("GCC unroll 8") for (int i = 0; i < RATES; i++) {
      vec rate = rates[i] / steps;
      if (first) s->rate_first[k][i] = rate;
      vec change = rate - s->rate_first[k][i];
      s->sum[k][i] = fused(all(weight), change, s->sum[k][i]);
      s->squares[k][i] = fused(weight * change, change, s->squares[k][i]);
      s->products[k][i] = fused(weight * change, end_change, s->products[k][i]);
    }
    s->log_x[k] = log_x, s->log_v[k] = log_v, s->lift_then[k] = s->v_lift[k];
    s->log_end[k] = log_end;
  }
  forget(width, s);
}

INLINE void rescale(int width, struct lanes *s) {
  EACH {
    vec factor = rescaling(larger(size_of(s->x[k]), size_of(s->y[k])), &s->x_strides[k]);
    s->x[k] *= factor, s->y[k] *= factor;
    s->det[k] *= rescaling(size_of(s->det[k]), &s->det_strides[k]);
  }
}

INLINE void measure(int model, int width, double *state, size_t n, const long long *edges,
                    size_t blocks, const double *noise, double *kept) {
  double total = (double)(edges[blocks] - edges[0]);
  BLOCKS {
    struct lanes s[1];
    fetch(model, width, s, state, n, first), fetch_tracked(width, s, state, n, first);
    FETCH(x, X); FETCH(y, Y);
    begin(width, s);
    for (size_t block = 0; block < blocks; block++) {
      size_t start = (size_t)edges[block], stop = (size_t)edges[block + 1];
      for (size_t from = start; from < stop; from += SPAN) {
        begin_span(model, width, s);
        for (size_t t = from; t < least(from + SPAN, stop); t++) {
          vec x = number(model, noise, t);
          EACH {
            struct step now = advance(model, s, k, x);
            vec ab = now.e + s->mu[k], loss = now.e * now.e;
            tangent(now.u, now.v, &s->x[k], &s->y[k], now.r, now.h);
            s->det[k] *= determinant(now.r, now.h * ab, now.h * now.n);
            s->sum_n[k] += now.n, s->sum_e2[k] += loss;
            s->sum_u[k] += now.u, s->sum_v[k] += now.v;
            track(model, s, k, loss, loss_rise(now.e, ab, now.n), now.growth);
          }
        }
        end_span(model, width, s, (double)from, 0);
        rescale(width, s);
      }
      end(width, s, (double)(stop - start), block == 0, (double)(stop - start) / total);
    }
    put(model, width, s, state, n, first), put_tracked(width, s, state, n, first);
    PUT(x, X); PUT(y, Y);
    EACH for (int i = 0; i < RATES; i++) {
      double *to = kept + first + (size_t)k * LANES + (size_t)i * n;
      store(to + FIRST * RATES * n, s->rate_first[k][i]);
      store(to + SUM * RATES * n, s->sum[k][i]);
      store(to + SQUARES * RATES * n, s->squares[k][i]);
      store(to + PRODUCTS * RATES * n, s->products[k][i]);
    }
  }
}

/* lt2f/dynamics/kernels.py again: record */

/* Turn LANES vectors of LANES lanes: what lay in column k lies in row k then. */
INLINE void transpose(vec *rows) {
  typedef long long order __attribute__((vector_size(8 * LANES)));
  _Pragma("GCC unroll 4") for (int half = 1; half < LANES; half *= 2) {
    order low, high;
    _Pragma("GCC unroll 8") for (int i = 0; i < LANES; i++) {
      low[i] = i & half ? LANES + i - half : i;
      high[i] = i & half ? LANES + i : i + half;
    }
    _Pragma("GCC unroll 8") for (int i = 0; i < LANES; i++) {
      if (i & half) continue;
      vec a = rows[i], b = rows[i + half];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + half] = __builtin_shuffle(a, b, high);
    }
  }
}

/* Write `length` samples of the lanes of one vector, kept one vector a step, to their rows. */
INLINE void spread(const vec *page, size_t length, double *to, size_t samples) {
  size_t t = 0;
  for (; t + LANES <= length; t += LANES) {
    vec rows[LANES];
    _Pragma("GCC unroll 8") for (int i = 0; i < LANES; i++) rows[i] = page[t + i];
    transpose(rows);
    _Pragma("GCC unroll 8") for (int i = 0; i < LANES; i++) store(to + i * samples + t, rows[i]);
  }
  for (; t < length; t++)
    for (int i = 0; i < LANES; i++) to[i * samples + t] = page[t][i];
}

INLINE void record(int model, int width, double *state, size_t n, size_t start,
                   const double *noise, double *out, size_t samples) {
  BLOCKS {
    struct lanes s[1];
    vec page[WIDEST][SPAN];
    fetch(model, width, s, state, n, first);
    for (size_t from = 0; from < samples; from += SPAN) {
      size_t length = least(SPAN, samples - from);
      for (size_t t = 0; t < length; t++) {
        vec x = number(model, noise, start + from + t);
        EACH page[k][t] = advance(model, s, k, x).e;
      }
      lift_all(model, width, s, 1);
      EACH spread(page[k], length, out + (first + (size_t)k * LANES) * samples + from, samples);
    }
    put(model, width, s, state, n, first);
  }
}

/* lt2f/dynamics/cycles.py */

INLINE void returns(int width, const double *state, size_t n, size_t max_period, double *out) {
  BLOCKS {
    struct lanes s[1];
    vec u[WIDEST], v[WIDEST], found[WIDEST];
    fetch(QUIET, width, s, state, n, first);
    EACH u[k] = s->u[k], v[k] = s->v[k], found[k] = all(INFINITY);
    for (size_t period = 1; period <= max_period; period++) {
      EACH {
        advance(QUIET, s, k, all(0.0));
        vec apart = size_of(s->u[k] - u[k]) + size_of(s->v[k] - v[k]);
        vec back = choose(below(apart, all(NEAR)), all((double)period), all(INFINITY));
        found[k] = smaller(found[k], back);
      }
    }
    EACH store(out + first + (size_t)k * LANES,
               choose(below(found[k], all(INFINITY)), found[k], all(0.0)));
  }
}

/* A step in (a, b): three operations instead of four, but a small imbalance drowns in rounding. */
INLINE void plain(int width, double *state, size_t n, size_t steps) {
  BLOCKS {
    vec a[WIDEST], b[WIDEST], mu[WIDEST];
    EACH a[k] = load(AT(U, k)), b[k] = load(AT(V, k)), mu[k] = load(AT(MU, k));
    for (size_t t = 0; t < steps; t++) {
      EACH {
        vec e = fused(a[k], b[k], -mu[k]), old = a[k];
        a[k] = without(e, b[k], a[k]), b[k] = without(e, old, b[k]);
      }
    }
    EACH store(AT(U, k), a[k]), store(AT(V, k), b[k]);
  }
}

/* Vectors in a block: as many as 32 registers of eight lanes hold, or 16 of fewer. */

#ifndef W_ITERATE
#define W_ITERATE (LANES == 8 ? 8 : 4)
#define W_CARRY (LANES == 8 ? 4 : 2)
#define W_SETTLE (LANES == 8 ? 4 : 2)
#define W_MEASURE (LANES == 8 ? 2 : 1)
#endif

#define KERNELS(name, model)                                                                      \
  void iterate_##name(double *state, size_t n, size_t steps, size_t start, const double *noise) { \
    iterate(model, model == MULTIPLICATIVE ? W_CARRY : W_ITERATE, state, n, steps, start, noise); \
  }                                                                                               \
  void settle_##name(double *state, size_t n, size_t steps, size_t start, const double *noise) {  \
    settle(model, W_SETTLE, state, n, steps, start, noise);                                       \
  }                                                                                               \
  void measure_##name(double *state, size_t n, const long long *edges, size_t blocks,             \
                      const double *noise, double *kept) {                                        \
    measure(model, W_MEASURE, state, n, edges, blocks, noise, kept);                              \
  }                                                                                               \
  void record_##name(double *state, size_t n, size_t start, const double *noise, double *out,     \
                     size_t samples) {                                                            \
    record(model, model == MULTIPLICATIVE ? W_CARRY : W_ITERATE, state, n, start, noise, out,     \
           samples);                                                                              \
  }
KERNELS(quiet, QUIET)
KERNELS(multiplicative, MULTIPLICATIVE)
KERNELS(target, TARGET)

void returns_quiet(const double *state, size_t n, size_t max_period, double *out) {
  returns(W_SETTLE, state, n, max_period, out);
}
void iterate_plain(double *state, size_t n, size_t steps) {
  plain(W_ITERATE, state, n, steps);
}
