import { describe, expect, it } from 'vitest'
import { remember } from './remember.ts'

describe('what is remembered', () => {
  const counted = () => {
    const made: number[] = []
    const half = remember(
      (input: { value: number }) => {
        made.push(input.value)
        if (input.value % 2) throw new Error('odd')
        return { half: input.value / 2 }
      },
      (a, b) => a.value === b.value,
    )
    return { half, made }
  }

  it('is made once for inputs that mean the same', () => {
    const { half, made } = counted()
    expect(half({ value: 4 })).toBe(half({ value: 4 }))
    expect(made).toEqual([4])
  })

  it('is made again when its input has not been seen for some others', () => {
    const { half, made } = counted()
    for (const value of [2, 4, 6, 2, 8, 10, 4, 2]) half({ value })
    expect(made).toEqual([2, 4, 6, 8, 10, 4])
  })

  it('is an error, too', () => {
    const { half, made } = counted()
    for (const _ of [1, 2]) expect(() => half({ value: 3 })).toThrow('odd')
    expect(made).toEqual([3])
  })
})
