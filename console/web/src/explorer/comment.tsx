/** What a contract says of something, in the language of contracts: its `words in backticks` are set as code. */
export function Comment({ text }: { text: string }) {
  const parts = text.split('`').map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text, which does not change
      <span key={index} className="mono">
        {part}
      </span>
    ),
  )
  return <span lang="en">{parts}</span>
}
