import { useLocation, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

/** @returns the token of a mailed link (`#token=...`), which is taken out of the address bar and the history; or ''. */
export function useLinkToken(): string {
  const { hash, pathname } = useLocation()
  const navigate = useNavigate()
  const [token] = useState(() => new URLSearchParams(hash).get('token') ?? '')
  useEffect(() => {
    if (hash) void navigate({ to: pathname, hash: '', replace: true })
  }, [hash, pathname, navigate])
  return token
}
