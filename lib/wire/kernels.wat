;; Checksum, SipHash and copying over the arena. Assembled by `deno task kernels`, which
;; needs wat2wasm (package wabt) and writes the binary into kernels.ts.
;;
;; All work where the bytes lie, at any alignment, and read no byte outside of
;; the run they are given: it may end where the memory ends.
(module
  (import "env" "memory" (memory 1))

  ;; The ones' complement sum of the big-endian 16-bit words of $length bytes at
  ;; $offset, folded to 16 bits. RFC 1071. $length is at most 1 MiB: a 32-bit
  ;; lane holds the carries of 32768 steps of 32 bytes.
  ;;
  ;; Summed little-endian, since the sum is the same but for the order of its
  ;; two bytes (RFC 1071 §2 B), which are swapped at the end. 2^16 is 1 modulo
  ;; 65535, so words of 32 and 64 bits add up to the same sum as their halves.
  (func (export "sum") (param $offset i32) (param $length i32) (result i32)
    (local $end i32) (local $a v128) (local $b v128) (local $s i64)

    ;; Two accumulators, so that one add need not wait for the other.
    (local.set $end
      (i32.add (local.get $offset) (i32.and (local.get $length) (i32.const -32))))
    (block $done
      (loop $more
        (br_if $done (i32.ge_u (local.get $offset) (local.get $end)))
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $offset)))))
        (local.set $b (i32x4.add (local.get $b)
          (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 align=1 (local.get $offset)))))
        (local.set $offset (i32.add (local.get $offset) (i32.const 32)))
        (br $more)))

    ;; What is left, 0 to 31 bytes: 16, 8, 4, 2 and 1 as the bits of $length say.
    (if (i32.and (local.get $length) (i32.const 16))
      (then
        (local.set $a (i32x4.add (local.get $a)
          (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $offset)))))
        (local.set $offset (i32.add (local.get $offset) (i32.const 16)))))
    (if (i32.and (local.get $length) (i32.const 8))
      (then
        (local.set $s (i64.add
          (i64.load32_u align=1 (local.get $offset))
          (i64.load32_u offset=4 align=1 (local.get $offset))))
        (local.set $offset (i32.add (local.get $offset) (i32.const 8)))))
    (if (i32.and (local.get $length) (i32.const 4))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load32_u align=1 (local.get $offset))))
        (local.set $offset (i32.add (local.get $offset) (i32.const 4)))))
    (if (i32.and (local.get $length) (i32.const 2))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load16_u align=1 (local.get $offset))))
        (local.set $offset (i32.add (local.get $offset) (i32.const 2)))))
    ;; The odd byte is the low half here, the high half after the swap.
    (if (i32.and (local.get $length) (i32.const 1))
      (then
        (local.set $s (i64.add (local.get $s) (i64.load8_u (local.get $offset))))))

    ;; The eight lanes, widened: a sum of lanes may pass 32 bits.
    (if (i32.ge_u (local.get $length) (i32.const 16))
      (then
        (local.set $a (i64x2.add
          (i64x2.add
            (i64x2.extend_low_i32x4_u (local.get $a))
            (i64x2.extend_high_i32x4_u (local.get $a)))
          (i64x2.add
            (i64x2.extend_low_i32x4_u (local.get $b))
            (i64x2.extend_high_i32x4_u (local.get $b)))))
        (local.set $s (i64.add (local.get $s)
          (i64.add
            (i64x2.extract_lane 0 (local.get $a))
            (i64x2.extract_lane 1 (local.get $a)))))))

    ;; Fold: below 2^38, then 2^22, then 2^16 + 2^6, then 2^16.
    (local.set $s (i64.add
      (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (local.set $s (i64.add
      (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))
    (local.set $s (i64.add
      (i64.and (local.get $s) (i64.const 0xffff)) (i64.shr_u (local.get $s) (i64.const 16))))

    (local.set $end (i32.wrap_i64 (local.get $s)))
    (i32.or
      (i32.shl (i32.and (local.get $end) (i32.const 0xff)) (i32.const 8))
      (i32.shr_u (local.get $end) (i32.const 8))))

  ;; SipHash-2-4 (Aumasson, Bernstein 2012) of $length bytes at $message with
  ;; the 16 bytes at $key; the hash goes to the 8 bytes at $result, little-endian.
  (func (export "sipHash")
    (param $key i32) (param $message i32) (param $length i32) (param $result i32)
    (local $v0 i64) (local $v1 i64) (local $v2 i64) (local $v3 i64)
    (local $m i64) (local $last i64) (local $tail i32) (local $left i32)

    (local.set $v0 (i64.load align=1 (local.get $key)))
    (local.set $v1 (i64.load offset=8 align=1 (local.get $key)))
    (local.set $v2 (i64.xor (local.get $v0) (i64.const 0x6c7967656e657261)))
    (local.set $v3 (i64.xor (local.get $v1) (i64.const 0x7465646279746573)))
    (local.set $v0 (i64.xor (local.get $v0) (i64.const 0x736f6d6570736575)))
    (local.set $v1 (i64.xor (local.get $v1) (i64.const 0x646f72616e646f6d)))

    ;; The last word: the 0 to 7 bytes left over, and the length modulo 256 on
    ;; top. Gathered from the end to the front, so that each piece moves the
    ;; ones behind it up.
    (local.set $tail (i32.add (local.get $message) (i32.and (local.get $length) (i32.const -8))))
    (if (i32.and (local.get $length) (i32.const 1))
      (then
        (local.set $last (i64.load8_u
          (i32.add (local.get $tail) (i32.and (local.get $length) (i32.const 6)))))))
    (if (i32.and (local.get $length) (i32.const 2))
      (then
        (local.set $last (i64.or
          (i64.shl (local.get $last) (i64.const 16))
          (i64.load16_u align=1
            (i32.add (local.get $tail) (i32.and (local.get $length) (i32.const 4))))))))
    (if (i32.and (local.get $length) (i32.const 4))
      (then
        (local.set $last (i64.or
          (i64.shl (local.get $last) (i64.const 32))
          (i64.load32_u align=1 (local.get $tail))))))
    (local.set $last (i64.or
      (local.get $last)
      (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 56))))

    ;; Two rounds for each word. The four rounds at the end are two words of
    ;; zero, which change nothing, so one loop does it all: $left counts the full
    ;; words down to 3, then comes the last word (2), then the end (1, 0).
    (local.set $left
      (i32.add (i32.shr_u (local.get $length) (i32.const 3)) (i32.const 3)))
    (loop $more
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (if (i32.ge_u (local.get $left) (i32.const 3))
        (then
          (local.set $m (i64.load align=1 (local.get $message)))
          (local.set $message (i32.add (local.get $message) (i32.const 8))))
        (else
          (local.set $m (local.get $last))
          (local.set $last (i64.const 0))
          (if (i32.eq (local.get $left) (i32.const 1))
            (then (local.set $v2 (i64.xor (local.get $v2) (i64.const 0xff)))))))

      (local.set $v3 (i64.xor (local.get $v3) (local.get $m)))
      ;; First round.
      (local.set $v0 (i64.add (local.get $v0) (local.get $v1)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 13)) (local.get $v0)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 16)) (local.get $v2)))
      (local.set $v0 (i64.rotl (local.get $v0) (i64.const 32)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v1)))
      (local.set $v0 (i64.add (local.get $v0) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 17)) (local.get $v2)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 21)) (local.get $v0)))
      (local.set $v2 (i64.rotl (local.get $v2) (i64.const 32)))
      ;; Second round.
      (local.set $v0 (i64.add (local.get $v0) (local.get $v1)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 13)) (local.get $v0)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 16)) (local.get $v2)))
      (local.set $v0 (i64.rotl (local.get $v0) (i64.const 32)))
      (local.set $v2 (i64.add (local.get $v2) (local.get $v1)))
      (local.set $v0 (i64.add (local.get $v0) (local.get $v3)))
      (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 17)) (local.get $v2)))
      (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 21)) (local.get $v0)))
      (local.set $v2 (i64.rotl (local.get $v2) (i64.const 32)))
      (local.set $v0 (i64.xor (local.get $v0) (local.get $m)))
      (br_if $more (local.get $left)))

    (i64.store align=1 (local.get $result)
      (i64.xor
        (i64.xor (local.get $v0) (local.get $v1))
        (i64.xor (local.get $v2) (local.get $v3)))))

  ;; Copies $length bytes from $from to $to; the runs may overlap.
  (func (export "copy") (param $to i32) (param $from i32) (param $length i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $length))))
