/** What a contract says of something: its `words in backticks` are set as code. */
export function Comment({ text }: { text: string }) {
  return text.split('`').map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text, which does not change
      <span key={index} className="mono">
        {part}
      </span>
    ),
  )
}
